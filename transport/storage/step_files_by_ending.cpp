#include "transport/storage/step_files_by_ending.hpp"

#include "core/value/errors.hpp"
#include "transport/storage/zarr/steps/step_files.hpp"
#include "transport/storage/zarr/steps/step_layout.hpp"
#include "transport/storage/zarr/steps/step_part_reader.hpp"

namespace locum::storage {

bool is_zarr_path(const std::string& path) noexcept {
  const std::size_t last = path.find_last_not_of('/');
  return last != path.npos && std::string_view(path).substr(0, last + 1).ends_with(".zarr");
}

StepFilesByEnding::StepFilesByEnding(std::shared_ptr<detail::StepFiles> others)
    : zarr_(std::make_shared<ZarrStepFiles>()), others_(std::move(others)) {}

Result<detail::StepFiles*> StepFilesByEnding::files_of(const std::string& path) const {
  detail::StepFiles* const files = is_zarr_path(path) ? zarr_.get() : others_.get();
  return files != nullptr ? Result<detail::StepFiles*>(files)
                          : no_hdf5("keep steps in files whose path does not end in .zarr");
}

Result<std::shared_ptr<detail::StepIndex>> StepFilesByEnding::create(const std::string& path,
                                                                     std::uint64_t writers) {
  const auto files = files_of(path);
  return files ? (*files)->create(path, writers) : files.error();
}

Result<void> StepFilesByEnding::write_part(const std::string& path, std::uint64_t number,
                                           std::uint64_t writer, detail::StepRecord& part,
                                           std::span<const ObjectView> objects) {
  const auto files = files_of(path);
  return files ? (*files)->write_part(path, number, writer, part, objects) : files.error();
}

Result<std::optional<detail::StepRecord>> StepFilesByEnding::read(const std::string& path,
                                                                  std::uint64_t number) {
  const auto files = files_of(path);
  return files ? (*files)->read(path, number) : files.error();
}

Result<detail::StepFiles::State> StepFilesByEnding::state(const std::string& path) {
  const auto files = files_of(path);
  return files ? (*files)->state(path) : files.error();
}

Error StepFilesByEnding::failure(const std::string& path) {
  const auto files = files_of(path);
  return files ? (*files)->failure(path) : files.error();
}

Result<std::uint64_t> StepFilesByEnding::count(const std::string& path) {
  const auto files = files_of(path);
  return files ? (*files)->count(path) : files.error();
}

Result<FilePart> StepFilesByEnding::find(const std::string& path, std::uint64_t number,
                                         const detail::BlockRecord& block) {
  const auto files = files_of(path);
  return files ? (*files)->find(path, number, block) : files.error();
}

PartReaderByEnding::PartReaderByEnding(std::shared_ptr<FileReader> others)
    : zarr_(std::make_shared<ZarrPartReader>()), others_(std::move(others)) {}

Result<void> PartReaderByEnding::read(const FilePart& part, std::span<std::byte> into,
                                      const Stopped& stopped) {
  FileReader* const reader = is_zarr_path(part.path) ? zarr_.get() : others_.get();
  return reader != nullptr ? reader->read(part, into, stopped) : no_hdf5("read parts of files");
}

bool PartReaderByEnding::may_read_in_background(const FilePart& part) const {
  const FileReader* const reader = is_zarr_path(part.path) ? zarr_.get() : others_.get();
  return reader == nullptr || reader->may_read_in_background(part);
}

}  // namespace locum::storage
