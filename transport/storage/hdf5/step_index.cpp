#include "transport/storage/hdf5/step_index.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/detail/representation.hpp"
#include "core/object/current_type_name.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/file_access.hpp"
#include "transport/storage/hdf5/step_layout.hpp"

namespace locum::storage {

namespace {

using detail::BlockRecord;
using detail::StepFiles;
using detail::StepRecord;
using detail::VariableRecord;

constexpr std::uint64_t bytes_of_an_index = 64 * 1024;
// Nobody writes more blocks of a step: what a damaged file says is not believed.
constexpr std::uint64_t longest_record = std::uint64_t{1} << 30U;

std::string element_of(const VariableRecord& variable) {
  std::string type = variable.type.substr(0, variable.type.find('@'));
  if (type.ends_with("[]")) {
    type.resize(type.size() - 2);
  }
  return type;
}

// Not where an element is itself an array, so that its dataset has more dimensions than the block.
bool is_array_of_elements(const BlockRecord& block) {
  std::uint64_t bytes = block.element_bytes;
  for (std::size_t at = 0; at < block.rank; ++at) {
    bytes *= block.count[at];
  }
  return block.rank > 0 && bytes == block.size_bytes;
}

/// The datasets of a step, for those who look at the file without this library: a global array as one
/// dataset, which HDF5 puts together; any other variable by links to its blocks.
class Datasets {
 public:
  Datasets(const Identifier& file, std::uint64_t number, const StepRecord& step)
      : file_(file), number_(number), step_(step), links_(link_properties("making links")) {}

  void make() {
    for (const VariableRecord& variable : step_.variables) {
      const std::string path = dataset_path(variable.name);
      for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
           slash = path.find('/', slash + 1)) {
        groups_.insert(path.substr(0, slash));
      }
    }
    for (std::uint32_t at = 0; at < step_.variables.size(); ++at) {
      std::vector<const BlockRecord*> blocks;
      for (const BlockRecord& block : step_.blocks) {
        if (block.variable == at) {
          blocks.push_back(&block);
        }
      }
      make(step_.variables[at], blocks);
    }
  }

 private:
  void make(const VariableRecord& variable, const std::vector<const BlockRecord*>& blocks) {
    std::string path = dataset_path(variable.name);
    if (groups_.contains(path)) {
      path += beside_a_group;
    }
    if (blocks.empty() || !made_.insert(path).second) {
      return;  // writers disagree about this variable: the first one is shown
    }
    const auto is_whole = [](const BlockRecord* block) { return is_array_of_elements(*block); };
    if (!variable.shape.empty() && std::ranges::all_of(blocks, is_whole)) {
      return make_whole(path, variable, blocks);
    }
    std::map<std::uint32_t, std::size_t> of_writer;  // so many blocks are linked already
    for (const BlockRecord* block : blocks) {
      std::string here = blocks.size() == 1 ? path : path + '/' + std::to_string(block->writer);
      if (const std::size_t before = of_writer[block->writer]++; before > 0) {
        here += '.' + std::to_string(before);
      }
      check(
          H5Lcreate_external(step_part_file(number_, block->writer).c_str(), block_path(block->place).c_str(),
                             file_.get(), here.c_str(), links_.get(), H5P_DEFAULT),
          "linking '" + here + "'");
    }
  }
  void make_whole(const std::string& path, const VariableRecord& variable,
                  const std::vector<const BlockRecord*>& blocks) {
    const std::string what = "making the dataset '" + path + "'";
    const auto rank = static_cast<int>(variable.shape.size());
    const std::vector<hsize_t> shape(variable.shape.begin(), variable.shape.end());
    const Identifier space(H5Screate_simple(rank, shape.data(), nullptr), H5Sclose, what);
    const Identifier creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what);
    for (const BlockRecord* block : blocks) {
      if (block->size_bytes == 0) {
        continue;
      }
      const std::vector<hsize_t> start(block->start.begin(), block->start.begin() + rank);
      const std::vector<hsize_t> count(block->count.begin(), block->count.begin() + rank);
      const Identifier source(H5Screate_simple(rank, count.data(), nullptr), H5Sclose, what);
      check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
            what);
      check(H5Pset_virtual(creation.get(), space.get(), step_part_file(number_, block->writer).c_str(),
                           block_path(block->place).c_str(), source.get()),
            what);
    }
    const Identifier type = element_type(element_of(variable), blocks.front()->element_bytes);
    const Identifier dataset = make_dataset(file_, path, type, variable.shape, creation, what);
    set_attribute(dataset, "locum_type", variable.type);
  }

  const Identifier& file_;
  const std::uint64_t number_;
  const StepRecord& step_;
  Identifier links_;
  std::set<std::string> groups_;
  std::set<std::string> made_;
};

Identifier create_own_group(const Identifier& file) {
  Identifier group(H5Gcreate2(file.get(), own_group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                   "making a group");
  set_attribute(group, "steps_format", steps_format);
  return group;
}

void write_record(const Identifier& file, const Identifier& group, const StepRecord& step) {
  const std::string what = "writing the record of a step";
  std::vector<std::byte> bytes(detail::stored_bytes(step).value());
  if (const auto written = detail::store_value(step, bytes); !written) {
    throw written.error();
  }
  set_attribute(group, "checksum", checksum(bytes));
  const hsize_t count = bytes.size();
  const Identifier space(H5Screate_simple(1, &count, nullptr), H5Sclose, what);
  const Identifier dataset(
      H5Dcreate2(file.get(), record_path, H5T_STD_U8LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Dclose, what);
  check(H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), what);
}

Identifier open_own_group(const Identifier& file, const std::string& path) {
  if (H5Lexists(file.get(), own_group, H5P_DEFAULT) <= 0) {
    throw Error(Errc::corrupt, "'" + path + "' has no steps: it was written by another program");
  }
  Identifier group(H5Gopen2(file.get(), own_group, H5P_DEFAULT), H5Gclose, "opening '" + path + "'");
  if (H5Aexists(group.get(), "steps_format") <= 0) {
    throw Error(Errc::corrupt, "'" + path + "' has no steps; if it is a checkpoint, restore it");
  }
  if (const std::uint64_t format = attribute(group, "steps_format"); format != steps_format) {
    throw unknown_format(path, format, steps_format);
  }
  return group;
}

bool is_there(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0;
}

}  // namespace

Hdf5StepIndex::Hdf5StepIndex(std::string path, std::uint64_t writers)
    : path_(std::move(path)), writers_(writers), lock_(path_) {
  if (is_there(path_)) {
    throw Error(Errc::key_exists, "there is a file '" + path_ +
                                      "' already; give the steps a file of their own, or remove that one and "
                                      "its folder '" +
                                      steps_folder(path_) + "'");
  }
  if (::mkdir(steps_folder(path_).c_str(), 0777) != 0 && errno != EEXIST) {
    throw file_error("making the folder", steps_folder(path_), errno);
  }
  if (is_there(steps_folder(path_) + '/' + step_file(0))) {
    throw Error(Errc::key_exists, "the folder '" + steps_folder(path_) +
                                      "' has steps, but its file was removed; remove the folder, too");
  }
  const Hdf5Turn turn;
  list(false);
}

void Hdf5StepIndex::list(bool ended, const std::optional<Error>& failure) {
  DurableFile durable(path_);
  durable.try_room(bytes_of_an_index + 200 * shown_);
  Identifier file = create_unlocked(durable.temporary());
  {
    const Identifier group = create_own_group(file);
    set_attribute(group, "writers", writers_);
    set_attribute(group, "steps", shown_);
    set_attribute(group, "ended", ended ? 1 : 0);
    if (failure) {
      set_attribute(group, failure_attribute, failure->text());
      set_attribute(group, "failure_code", static_cast<std::uint64_t>(failure->code()));
    }
    const Identifier steps(H5Gcreate2(file.get(), "/step", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                           "making a group");
    const std::string folder = file_name_of(steps_folder(path_));
    for (std::uint64_t number = 0; number < shown_; ++number) {
      check(H5Lcreate_external((folder + '/' + step_file(number)).c_str(), "/", steps.get(),
                               step_text(number).c_str(), H5P_DEFAULT, H5P_DEFAULT),
            "linking a step");
    }
  }
  check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "writing '" + path_ + "'");
  file.close("writing '" + path_ + "'");
  durable.publish();
  listed_ = shown_;
}

// The list is written anew for each step, of a long run for each 64th part of it: so that all lists together
// take as long as a few per step.
Result<void> Hdf5StepIndex::show(std::uint64_t number, const StepRecord& step) {
  return with_hdf5([&] {
    DurableFile durable(steps_folder(path_) + '/' + step_file(number));
    durable.try_room(bytes_of_an_index + 512 * step.blocks.size());
    Identifier file = create_unlocked(durable.temporary());
    {
      const Identifier group = create_own_group(file);
      set_attribute(group, "step", number);
      write_record(file, group, step);
      Datasets(file, number, step).make();
    }
    check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "writing a step");
    file.close("writing a step");
    durable.publish();
    shown_ = number + 1;
    if (shown_ >= listed_ + std::max<std::uint64_t>(1, listed_ / 64)) {
      list(false);
    }
  });
}

Result<void> Hdf5StepIndex::end(const std::optional<Error>& failure) {
  return with_hdf5([&] { list(!failure, failure); });
}

namespace {

bool has_step(const std::string& path, std::uint64_t number) {
  return is_there(steps_folder(path) + '/' + step_file(number));
}

std::uint64_t listed_steps(const std::string& path) {
  const Identifier file = open_file(path);
  return attribute(open_own_group(file, path), "steps");
}

void require_step(const std::string& path, std::uint64_t number, std::uint64_t listed) {
  if (!has_step(path, number)) {
    throw Error(Errc::not_found,
                "step " + std::to_string(number) + " of '" + path + "' is missing: there is no file '" +
                    steps_folder(path) + '/' + step_file(number) + "', and '" + path + "' lists " +
                    std::to_string(listed) + " steps; copy and rename the file and its folder together");
  }
}

// A step is shown after the one before it, and listed later: one that appears while this looks is none that
// is missing.
void require_end(const std::string& path, std::uint64_t number) {
  const std::uint64_t listed = listed_steps(path);
  if (number < listed || (number + 1 > number && has_step(path, number + 1))) {
    require_step(path, number, listed);
  }
}

}  // namespace

std::optional<StepRecord> read_step(const std::string& path, std::uint64_t number) {
  const Hdf5Turn turn;
  const std::string index = steps_folder(path) + '/' + step_file(number);
  if (!is_there(index)) {
    require_end(path, number);
    return std::nullopt;
  }
  const Identifier file = open_file(index);
  const Identifier group = open_own_group(file, index);
  if (const std::uint64_t of = attribute(group, "step"); of != number) {
    throw of_another_step(index, of);
  }
  const std::string what = "reading the record of a step in '" + index + "'";
  const Error damaged = file_damaged(index, "the record of its step is not the one that was written");
  const Identifier dataset(H5Dopen2(file.get(), record_path, H5P_DEFAULT), H5Dclose, what);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, what);
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (count <= 0 || static_cast<std::uint64_t>(count) > longest_record ||
      H5Dget_storage_size(dataset.get()) != static_cast<hsize_t>(count)) {
    throw damaged;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  check(H5Dread(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), what);
  if (checksum(bytes) != attribute(group, "checksum")) {
    throw damaged;
  }
  const auto step = detail::load_value<StepRecord>(bytes, {});
  if (!step || !(*step)->is_valid()) {
    throw damaged;
  }
  StepRecord read = **step;
  for (VariableRecord& variable : read.variables) {
    variable.type = current_type_name(variable.type);
  }
  return read;
}

namespace {

StepFiles::State look_at_state(const std::string& path) {
  // Where a file system has no locks, nobody is taken to write.
  const bool is_written = lock_state(path + ".lock", true) == LockState::taken;
  // Looked at after the lock: a writer that has closed the file did so before it gave that back.
  const Identifier file = open_file(path);
  const Identifier group = open_own_group(file, path);
  if (attribute(group, "ended") != 0) {
    return StepFiles::State::ended;
  }
  if (H5Aexists(group.get(), failure_attribute) > 0) {
    return StepFiles::State::failed;
  }
  return is_written ? StepFiles::State::open : StepFiles::State::abandoned;
}

}  // namespace

// The end of a file that is whole is not announced by chance: a second look, before readers give up.
StepFiles::State state_of_steps(const std::string& path) {
  const Hdf5Turn turn;
  const StepFiles::State state = look_at_state(path);
  return state == StepFiles::State::abandoned ? look_at_state(path) : state;
}

Error failure_of_steps(const std::string& path) {
  const Hdf5Turn turn;
  const Identifier file = open_file(path);
  const Identifier group = open_own_group(file, path);
  const auto code = static_cast<Errc>(std::min<std::uint64_t>(attribute(group, "failure_code"), 255));
  const std::string text = optional_text(group, failure_attribute);
  if (to_string(code) == "unknown" || text.empty()) {
    return file_damaged(path, "it records that its stream has failed, and no valid cause");
  }
  return Error(code, text);
}

// The list may be behind; what it says is only where to begin to look.
std::uint64_t count_of_steps(const std::string& path) {
  const Hdf5Turn turn;
  std::uint64_t count = listed_steps(path);
  if (count > 0) {
    require_step(path, count - 1, count);
  }
  while (has_step(path, count)) {
    ++count;
  }
  return count;
}

}  // namespace locum::storage
