#include "mpi/runtime/runtime.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "core/base/resolved_path.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/errors.hpp"
#include "mpi/checkpoint/background.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "mpi/error.hpp"
#include "mpi/runtime/state.hpp"

namespace locum {

// Returns what `work(session, moment)` does, which throws the same Error on all ranks; so are the tables.
template <class Work>
auto Runtime::collectively(const char* call, std::string_view store, Deadline deadline, Work work)
    -> decltype(work(std::declval<Session&>(), Deadline::Clock::time_point())) {
  Session open = session(call);
  require_mpi(call);
  const mpi::Moment until = deadline.moment(state_->options.collective_timeout);
  const mpi::SharedMoment for_all_steps(state_->group, until);
  std::optional<decltype(work(open, until))> done;
  const auto error = mpi::error_of([&] {
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
    done.emplace(work(open, until));
  });
  return error ? decltype(work(open, until))(*error) : std::move(*done);
}

Result<CheckpointReport> Runtime::checkpoint(std::string_view store, std::string_view path,
                                             const CheckpointOptions& options) {
  return collectively("checkpoint", store, options.deadline,
                      [&](Session& session, mpi::Moment until) -> Result<CheckpointReport> {
                        return write_checkpoint(
                            {state_->group, session, *state_->checkpoint_files, store, std::string(path),
                             resolved_path(std::string(path)), until, state_->checkpoints.get()},
                            options);
                      });
}

AsyncResult<CheckpointReport> Runtime::checkpoint_async(std::string_view store, std::string_view path,
                                                        const CheckpointOptions& options) {
  return collectively("checkpoint_async", store, options.deadline, [&](Session& session, mpi::Moment until) {
    if (!state_->checkpoints) {
      state_->checkpoints = BackgroundCheckpoints::make(state_->options.timeout);
    }
    return state_->checkpoints->begin(
        {state_->group, session, *state_->checkpoint_files, store, std::string(path),
         resolved_path(std::string(path)), until, state_->checkpoints.get()},
        options);
  });
}

Result<CheckpointReport> Runtime::restore(std::string_view store, std::string_view path,
                                          const RestoreOptions& options) {
  return collectively("restore", store, options.deadline,
                      [&](Session& session, mpi::Moment until) -> Result<CheckpointReport> {
                        return read_checkpoint({state_->group, session, *state_->checkpoint_files, store,
                                                std::string(path), resolved_path(std::string(path)), until},
                                               options);
                      });
}

Result<CheckpointReport> Runtime::restore_latest(std::string_view store, std::string_view pattern,
                                                 const RestoreOptions& options) {
  return collectively(
      "restore_latest", store, options.deadline,
      [&](Session& session, mpi::Moment until) -> Result<CheckpointReport> {
        return read_latest_checkpoint(
            {state_->group, session, *state_->checkpoint_files, store, std::string(pattern), {}, until},
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
