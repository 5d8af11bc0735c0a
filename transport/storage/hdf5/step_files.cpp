#include "transport/storage/hdf5/step_files.hpp"

#include <array>
#include <cstdio>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/step_index.hpp"
#include "transport/storage/hdf5/step_layout.hpp"
#include "transport/storage/hdf5/step_part.hpp"

namespace locum::storage {

std::string steps_folder(const std::string& path) {
  return path + ".steps";
}

std::string step_text(std::uint64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%06llu", static_cast<unsigned long long>(number));
  return text.data();
}

std::string step_file(std::uint64_t number) {
  return step_text(number) + ".h5";
}

std::string step_part_file(std::uint64_t number, std::uint64_t writer) {
  return step_text(number) + '.' + std::to_string(writer) + ".h5";
}

Error of_another_step(const std::string& path, std::uint64_t number) {
  return Error(Errc::corrupt, "the file '" + path + "' is that of step " + std::to_string(number) +
                                  ": it was renamed, or copied over another one; give it its name back");
}

std::string block_path(std::uint64_t place) {
  return "/block/" + std::to_string(place);
}

Result<std::shared_ptr<detail::StepIndex>> Hdf5StepFiles::create(const std::string& path,
                                                                 std::uint64_t writers) {
  return result_of(
      [&]() -> std::shared_ptr<detail::StepIndex> { return std::make_shared<Hdf5StepIndex>(path, writers); });
}

Result<void> Hdf5StepFiles::write_part(const std::string& path, std::uint64_t number, std::uint64_t writer,
                                       detail::StepRecord& part, std::span<const ObjectView> objects) {
  return result_of([&] {
    write_step_part(steps_folder(path) + '/' + step_part_file(number, writer), number, part, objects);
  });
}

Result<std::optional<detail::StepRecord>> Hdf5StepFiles::read(const std::string& path, std::uint64_t number) {
  return result_of([&] { return read_step(path, number); });
}

Result<detail::StepFiles::State> Hdf5StepFiles::state(const std::string& path) {
  return result_of([&] { return state_of_steps(path); });
}

Error Hdf5StepFiles::failure(const std::string& path) {
  const auto failure = result_of([&] { return failure_of_steps(path); });
  return failure ? *failure : failure.error();
}

Result<std::uint64_t> Hdf5StepFiles::count(const std::string& path) {
  return result_of([&] { return count_of_steps(path); });
}

Result<FilePart> Hdf5StepFiles::find(const std::string& path, std::uint64_t number,
                                     const detail::BlockRecord& block) {
  return result_of([&] {
    const std::string file = steps_folder(path) + '/' + step_part_file(number, block.writer);
    return find_block_in(file, number, block);
  });
}

}  // namespace locum::storage
