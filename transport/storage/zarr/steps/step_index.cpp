#include "transport/storage/zarr/steps/step_index.hpp"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "core/value/extents.hpp"
#include "transport/storage/file/root.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/leftover_chunks.hpp"
#include "transport/storage/zarr/steps/step_array.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum::storage {

namespace {

Error steps_are_there(const std::string& path) {
  return Error(Errc::key_exists,
               "there is '" + path +
                   "' already, of another run, or of one that was killed, whose steps can be "
                   "read; give these steps a path of their own, or remove that folder");
}

std::uint64_t elements_of_block(const detail::BlockRecord& block) {
  std::uint64_t elements = 1;
  for (std::size_t at = 0; at < block.rank; ++at) {
    elements *= block.count[at];
  }
  return elements;
}

/// What the ranks wrote of a variable has to be one array, which each of them alone cannot see.
Result<void> check_blocks(const detail::VariableRecord& variable, std::uint64_t blocks,
                          std::uint64_t elements) {
  if (variable.shape.empty() && blocks > 1) {
    return Error(
        Errc::unsupported,
        "it was put " + std::to_string(blocks) +
            " times, by several ranks or by one, and is part of no global array; a group of Zarr has "
            "one of each step: put it from one rank, or as the blocks of a global array, or write the "
            "stream to HDF5 (a path that ends in .h5)");
  }
  std::uint64_t all = 1;
  for (const std::uint64_t extent : variable.shape) {
    all *= extent;
  }
  if (!variable.shape.empty() && elements > all) {
    return Error(Errc::invalid_argument, "its blocks have " + std::to_string(elements) +
                                             " elements, and the array " + std::to_string(all) +
                                             ": they overlap; write each element once");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<detail::StepIndex>> ZarrStepIndex::make(const std::string& path,
                                                               std::uint64_t writers) {
  using Made = Result<std::shared_ptr<detail::StepIndex>>;
  return format_call([&]() -> Made {
    const std::string folder = zarr_steps_path(path);
    const auto is_there = [&folder] {
      std::error_code ignored;
      return std::filesystem::symlink_status(folder, ignored).type() != std::filesystem::file_type::not_found;
    };
    if (is_there()) {
      return steps_are_there(folder);
    }
    auto lock = std::make_unique<WritingLock>(folder);
    std::error_code failed;
    if (!std::filesystem::create_directory(folder, failed)) {
      return failed ? system_error("making the folder '" + folder + "' failed", failed.value())
                    : steps_are_there(folder);
    }
    sync_folder(folder_of(folder));
    auto group = open_zarr_steps(folder);
    if (!group) {
      return group.error();
    }
    auto index = std::make_shared<ZarrStepIndex>(std::move(lock), std::move(*group), writers);
    const auto written = index->write(index->shown_);
    if (!written) {  // what is there would else be in the way of the next attempt
      std::filesystem::remove(folder + '/' + unfinished_folder, failed);
      std::filesystem::remove(folder, failed);
    }
    return written ? Made(std::move(index)) : Made(written.error());
  });
}

Result<void> ZarrStepIndex::show(std::uint64_t number, const detail::StepRecord& step) {
  return format_call([&]() -> Result<void> {
    Shown next = shown_;
    auto done = add_arrays(next, number, step);
    done = done ? write_zarr_step_record(group_, number, step) : std::move(done);
    if (!done) {
      return done;
    }
    next.header.steps = number + 1;
    for (auto& [name, metadata] : next.arrays) {
      metadata.shape.values[0] = next.header.steps;
      const auto files = write_zarr(metadata);
      done = files ? detail::write_metadata(*group_.area, name, *files) : Result<void>(files.error());
      if (!done) {
        return about_step_variable(name, done.error());
      }
    }
    done = write(next);
    if (done) {
      shown_ = std::move(next);
    }
    return done;
  });
}

Result<void> ZarrStepIndex::end(const std::optional<Error>& failure) {
  return format_call([&]() -> Result<void> {
    shown_.header.has_ended = !failure;
    shown_.header.failure = failure;
    auto written = write(shown_);
    (void)group_.area->remove(unfinished_folder);  // unless a rank still writes
    return written;
  });
}

Result<void> ZarrStepIndex::add_arrays(Shown& to, std::uint64_t number,
                                       const detail::StepRecord& step) const {
  std::vector<std::uint64_t> blocks(step.variables.size());
  std::vector<std::uint64_t> elements(step.variables.size());
  for (const detail::BlockRecord& block : step.blocks) {
    ++blocks.at(block.variable);
    elements.at(block.variable) += elements_of_block(block);
  }
  std::set<std::string> names;
  for (std::size_t at = 0; at < step.variables.size(); ++at) {
    const detail::VariableRecord& variable = step.variables[at];
    if (blocks[at] == 0) {
      continue;
    }
    auto right =
        names.insert(variable.name).second
            ? check_blocks(variable, blocks[at], elements[at])
            : Result<void>(Error(Errc::invalid_argument,
                                 "ranks have put it with several types or global extents; give it one "
                                 "of each"));
    if (right && !to.arrays.contains(variable.name)) {
      const auto array = open_step_array(group_, variable.name);
      right = array ? Result<void>() : Result<void>(array.error());
      if (array) {
        to.arrays.emplace(variable.name, array->state()->now()->metadata);
      }
    }
    if (!right) {
      return about_step_variable(variable.name, right.error());
    }
  }
  // What ranks have written of a variable in an attempt at this step that has failed, after which they left
  // it out: it would be shown as an element of the step.
  for (const auto& [name, metadata] : to.arrays) {
    if (!names.contains(name)) {
      auto removed = remove_chunks_at(*group_.area, name + "/c/" + std::to_string(number));
      if (!removed) {
        return about_step_variable(name, removed.error());
      }
    }
  }
  return {};
}

Result<void> ZarrStepIndex::write(const Shown& shown) const {
  ZarrGroupMetadata group;
  group.attributes = zarr_steps_attributes(shown.header);
  group.consolidated = Record::members({});
  std::set<std::string> groups;
  for (const auto& [name, metadata] : shown.arrays) {
    for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
      groups.insert(name.substr(0, slash));
    }
  }
  const auto add = [&group](const std::string& name, const auto& files) {
    return files ? add_consolidated(group, name, *files) : Result<void>(files.error());
  };
  for (const std::string& name : groups) {
    if (auto added = add(name, write_zarr_group({})); !added) {
      return added;
    }
  }
  for (const auto& [name, metadata] : shown.arrays) {
    if (auto added = add(name, write_zarr(metadata)); !added) {
      return about_step_variable(name, added.error());
    }
  }
  const auto files = write_zarr_group(group);
  return files ? detail::write_metadata(*group_.area, group_.path, *files) : files.error();
}

}  // namespace locum::storage
