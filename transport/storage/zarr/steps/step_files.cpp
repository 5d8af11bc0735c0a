#include "transport/storage/zarr/steps/step_files.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/value/errors.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/lock_state.hpp"
#include "transport/storage/zarr/steps/step_array.hpp"
#include "transport/storage/zarr/steps/step_index.hpp"
#include "transport/storage/zarr/steps/step_layout.hpp"
#include "transport/storage/zarr/steps/step_part_reader.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum::storage {

namespace {

struct StateAndHeader {
  detail::StepFiles::State state;
  ZarrStepsHeader header;
};

Result<ZarrStepsHeader> header_at(const std::string& path) {
  const auto group = open_zarr_steps(path);
  return group ? read_zarr_steps(*group) : group.error();
}

// The lock is looked at first: a writer that has closed the stream wrote that before it gave back the lock.
Result<StateAndHeader> look_at_steps(const std::string& path) {
  using State = detail::StepFiles::State;
  const bool is_written = lock_state(zarr_steps_path(path) + ".lock", true) == LockState::taken;
  auto header = header_at(path);
  if (!header) {
    return header.error();
  }
  const State state = header->has_ended ? State::ended
                      : header->failure ? State::failed
                      : is_written      ? State::open
                                        : State::abandoned;
  return StateAndHeader{state, std::move(*header)};
}

}  // namespace

struct ZarrStepFiles::ReadStep {
  std::string path;
  std::uint64_t number = 0;
  ZarrPlace group;
  detail::StepRecord step;
  AreaFacts record;                                 ///< of its file
  std::vector<std::optional<ZarrMetadata>> arrays;  ///< of the variables; none: it has no block
};

ZarrStepFiles::ZarrStepFiles() = default;
ZarrStepFiles::~ZarrStepFiles() = default;

Result<std::shared_ptr<detail::StepIndex>> ZarrStepFiles::create(const std::string& path,
                                                                 std::uint64_t writers) {
  return ZarrStepIndex::make(path, writers);
}

// All of the part is looked at before any of it is written.
Result<void> ZarrStepFiles::write_part(const std::string& path, std::uint64_t number,
                                       std::uint64_t /*writer*/, detail::StepRecord& part,
                                       std::span<const ObjectView> objects) {
  return format_call([&]() -> Result<void> {
    const auto group = open_zarr_steps(path);
    const auto header = group ? read_zarr_steps(*group) : Result<ZarrStepsHeader>(group.error());
    if (!header) {
      return header.error();
    }
    std::vector<StepBox> boxes;
    for (std::size_t at = 0; at < objects.size(); ++at) {
      detail::BlockRecord& block = part.blocks[at];
      const detail::VariableRecord& variable = part.variables[block.variable];
      const ObjectFacts facts = objects[at].facts();
      if (!facts.whole) {
        return end_overwritten("the type of a block of this step");
      }
      block.place = static_cast<std::uint32_t>(at);
      block.element_bytes = facts.element_bytes;
      auto box = step_box(variable, block, facts);
      const auto fits = box ? check_step_array(*group, *box) : Result<void>(box.error());
      if (!fits) {
        return about_step_variable(variable.name, fits.error());
      }
      boxes.push_back(std::move(*box));
    }
    for (std::size_t at = 0; at < objects.size(); ++at) {
      const auto done = write_step_box(*group, number, boxes[at], objects[at].bytes(), header->writers);
      if (!done) {
        return about_step_variable(boxes[at].name, done.error());
      }
    }
    return {};
  });
}

Result<std::shared_ptr<const ZarrStepFiles::ReadStep>> ZarrStepFiles::open_step(const std::string& path,
                                                                                std::uint64_t number) {
  using Opened = Result<std::shared_ptr<const ReadStep>>;
  return format_call([&]() -> Opened {
    auto group = open_zarr_steps(path);
    const auto header = group ? read_zarr_steps(*group) : Result<ZarrStepsHeader>(group.error());
    if (!header || number >= header->steps) {
      return header ? Opened(nullptr) : Opened(header.error());
    }
    auto opened = std::make_shared<ReadStep>();
    auto step = read_zarr_step_record(*group, number);
    auto record = group->area->facts(zarr_step_record_path(number));
    if (!step || !record) {
      return step ? record.error() : step.error();
    }
    opened->path = path;
    opened->number = number;
    opened->group = std::move(*group);
    opened->step = std::move(*step);
    opened->record = std::move(*record);
    opened->arrays.resize(opened->step.variables.size());
    for (const detail::BlockRecord& block : opened->step.blocks) {
      auto& array = opened->arrays[block.variable];
      if (!array) {
        const std::string& name = opened->step.variables[block.variable].name;
        const auto found = is_below_group(name) ? open_step_array(opened->group, name)
                                                : Error(Errc::corrupt, "a variable has no name");
        if (!found) {
          return about_step_variable(name, found.error());
        }
        array = found->state()->now()->metadata;
      }
    }
    return Opened(std::move(opened));
  });
}

Result<std::optional<detail::StepRecord>> ZarrStepFiles::read(const std::string& path, std::uint64_t number) {
  const auto opened = open_step(path, number);
  if (!opened) {
    return opened.error();
  }
  if (*opened == nullptr) {
    return std::optional<detail::StepRecord>();
  }
  {
    const MutexLock lock(mutex_);
    last_ = *opened;
  }
  return std::optional((*opened)->step);
}

// The end of a group that is whole is not announced by chance: a second look, before readers give up.
Result<detail::StepFiles::State> ZarrStepFiles::state(const std::string& path) {
  return format_call([&]() -> Result<State> {
    auto seen = look_at_steps(path);
    if (seen && seen->state == State::abandoned) {
      seen = look_at_steps(path);
    }
    return seen ? Result<State>(seen->state) : seen.error();
  });
}

Error ZarrStepFiles::failure(const std::string& path) {
  const auto header = format_call([&] { return header_at(path); });
  return !header ? header.error()
         : header->failure
             ? *header->failure
             : Error(Errc::corrupt, "the stream of these steps has failed, and says no cause").about(path);
}

Result<std::uint64_t> ZarrStepFiles::count(const std::string& path) {
  const auto header = format_call([&] { return header_at(path); });
  return header ? Result<std::uint64_t>(header->steps) : header.error();
}

Result<FilePart> ZarrStepFiles::find(const std::string& path, std::uint64_t number,
                                     const detail::BlockRecord& block) {
  std::shared_ptr<const ReadStep> read;
  {
    const MutexLock lock(mutex_);
    read = last_;
  }
  if (!read || read->path != path || read->number != number) {
    auto opened = open_step(path, number);
    if (!opened || *opened == nullptr) {
      return opened ? Error(Errc::not_found, "there is no step " + std::to_string(number)).about(path)
                    : opened.error();
    }
    read = std::move(*opened);
  }
  if (block.variable >= read->arrays.size() || !read->arrays[block.variable]) {
    return Error(Errc::invalid_argument, "this is no block of step " + std::to_string(number)).about(path);
  }
  return part_of_step(read->group, number, read->record, read->step.variables[block.variable].name,
                      *read->arrays[block.variable], block);
}

}  // namespace locum::storage
