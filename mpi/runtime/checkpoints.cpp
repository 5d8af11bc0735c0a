#include "mpi/runtime/runtime.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "core/base/resolved_path.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/errors.hpp"
#include "mpi/checkpoint/background.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "mpi/error.hpp"
#include "mpi/runtime/state.hpp"

namespace locum {

namespace {

template <class Work>
Result<CheckpointReport> result_of(Work work) {
  CheckpointReport report;
  const auto error = mpi::error_of([&] { report = work(); });
  return error ? Result<CheckpointReport>(*error) : Result<CheckpointReport>(std::move(report));
}

}  // namespace

// The same on all ranks, as the tables are.
void Runtime::require_checkpoints(const char* call, std::string_view store) const {
  if (!state_->checkpoint_files) {
    throw no_hdf5("write and read checkpoints");
  }
  if (!state_->backends->connector_of(store).empty()) {
    throw Error(Errc::unsupported,
                std::string(call) + ": a table of " + state_->stores +
                    " puts this store over a backend, and checkpoints are of the nodes' memory; take the "
                    "connector out of it")
        .about(store);
  }
}

Result<CheckpointReport> Runtime::checkpoint(std::string_view store, std::string_view path,
                                             const CheckpointOptions& options) {
  require_open("checkpoint");
  require_mpi("checkpoint");
  const mpi::Moment until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  const mpi::SharedMoment for_all_steps(state_->group, until);
  return result_of([&] {
    require_checkpoints("checkpoint", store);
    return write_checkpoint({state_->group, *session_, *state_->checkpoint_files, store, std::string(path),
                             resolved_path(std::string(path)), until, state_->checkpoints.get()},
                            options);
  });
}

AsyncResult<CheckpointReport> Runtime::checkpoint_async(std::string_view store, std::string_view path,
                                                        const CheckpointOptions& options) {
  require_open("checkpoint_async");
  require_mpi("checkpoint_async");
  const mpi::Moment until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  const mpi::SharedMoment for_all_steps(state_->group, until);
  AsyncResult<CheckpointReport> begun;
  const auto error = mpi::error_of([&] {
    require_checkpoints("checkpoint_async", store);
    if (!state_->checkpoints) {
      state_->checkpoints = BackgroundCheckpoints::make(state_->options.timeout);
    }
    begun = state_->checkpoints->begin(
        {state_->group, *session_, *state_->checkpoint_files, store, std::string(path),
         resolved_path(std::string(path)), until, state_->checkpoints.get()},
        options);
  });
  return error ? AsyncResult<CheckpointReport>(*error) : begun;
}

Result<CheckpointReport> Runtime::restore(std::string_view store, std::string_view path,
                                          const RestoreOptions& options) {
  require_open("restore");
  require_mpi("restore");
  const mpi::Moment until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  const mpi::SharedMoment for_all_steps(state_->group, until);
  return result_of([&] {
    require_checkpoints("restore", store);
    return read_checkpoint({state_->group, *session_, *state_->checkpoint_files, store, std::string(path),
                            resolved_path(std::string(path)), until},
                           options);
  });
}

Result<CheckpointReport> Runtime::restore_latest(std::string_view store, std::string_view pattern,
                                                 const RestoreOptions& options) {
  require_open("restore_latest");
  require_mpi("restore_latest");
  const mpi::Moment until = Deadline(options.deadline).moment(state_->options.collective_timeout);
  const mpi::SharedMoment for_all_steps(state_->group, until);
  return result_of([&] {
    require_checkpoints("restore_latest", store);
    return read_latest_checkpoint(
        {state_->group, *session_, *state_->checkpoint_files, store, std::string(pattern), {}, until},
        options);
  });
}

// One exchange where nobody has got the signal. It travels as an error that no step has.
bool Runtime::checkpoint_requested(Deadline deadline) {
  require_open("checkpoint_requested");
  require_mpi("checkpoint_requested");
  const bool has_come = state_->signal->has_come();
  const auto said = state_->group.agree(
      has_come ? std::optional(Error(Errc::cancelled, "the job ends soon")) : std::nullopt,
      "checkpoint_requested", deadline.moment(state_->options.collective_timeout));
  if (said && said->code() != Errc::cancelled) {
    throw *said;
  }
  if (said) {
    state_->signal->forget();
  }
  return said.has_value();
}

}  // namespace locum
