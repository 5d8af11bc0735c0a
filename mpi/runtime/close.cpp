#include "mpi/runtime/state.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>

#include "core/async/completion_counter.hpp"
#include "core/async/serial_executor.hpp"
#include "core/client/peer_close_monitor.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "mpi/error.hpp"

namespace locum {

namespace {

// How long a rank that leaves by an exception waits for the others to leave too, before it ends the job.
constexpr std::chrono::seconds unwinding_patience{2};
// How long a closed rank waits at most until the others have closed, too; and how long after the process of a
// rank of the node has ended, or a rank of another node was found lost.
constexpr std::chrono::seconds release_patience{10};
constexpr std::chrono::milliseconds exit_patience{500};

using mpi::error_of;
using mpi::throw_if;

std::uint32_t place_of(int rank, const std::vector<std::uint32_t>& node_peers) {
  return static_cast<std::uint32_t>(
      std::find(node_peers.begin(), node_peers.end(), static_cast<std::uint32_t>(rank)) - node_peers.begin());
}

}  // namespace

Runtime::~Runtime() {
  if (state_->fork_guard && state_->fork_guard->in_child()) {
    // The parent owns the threads that destructors would wait for, MPI and the pins.
    static_cast<void>(state_.release());
    return;
  }
  if (state_->open) {
    close_in_destructor();
  }
}

void Runtime::close(Deadline deadline) {
  if (!state_->open) {
    return;
  }
  require_mpi("close");
  state_->open = false;
  state_->prepare(false);
  auto until = deadline.moment(state_->options.collective_timeout);
  mpi::CommunicatorGroup& group = state_->group;
  const std::vector<std::uint32_t> node_peers = ranks_of_node(group);
  if (state_->checkpoints) {
    finish_checkpoints(until);
  }
  const auto flushed = state_->backends->flush(until);
  if (state_->checkpoints || state_->backends->has_tiers()) {
    // Which may have taken all the time. The ranks have stopped within a second of each other.
    until = std::max(until, Deadline::Clock::now() + unwinding_patience);
  }
  state_->session.get()->state()->promises().break_all(until);  // ranks that wait for one join this step, too
  const auto exits =
      std::make_shared<shm::ExitsWhileClosing>(state_->node_peers, place_of(group.rank(), node_peers));
  // Once all have joined none reads any more; once all have closed the memory is free for the next runtime.
  std::optional<Error> error =
      error_of([&] { throw_if(group.agree(std::nullopt, "closing the runtime", until)); });
  state_->losses->stop_watching_links();
  if (error) {
    state_->closed_alone->tell();
  }
  end_session();
  if (!error && !state_->losses->any()) {
    // All were alive just now, and perhaps no watch is left: a death in between must not delay much.
    const auto monitor = std::make_shared<PeerCloseMonitor>(
        state_->links.get(), PeerCloseMonitor::Clock::duration(state_->options.peer_timeout));
    group.watch([exits, node_peers, monitor, losses = state_->losses] {
      std::vector<int> ended = losses->ranks();  // of a watch that a view keeps alive
      std::ranges::copy(monitor->gone_for(exit_patience), std::back_inserter(ended));
      for (const std::uint32_t node_peer : exits->exited_for(exit_patience)) {
        ended.push_back(static_cast<int>(node_peers[node_peer]));
      }
      return ended;
    });
    const auto soon = std::min(until, Deadline::Clock::now() + release_patience);
    error = error_of([&] { throw_if(group.agree(std::nullopt, "freeing the node's memory", soon)); });
    if (error && error->code() == Errc::timeout && soon < until) {
      error.reset();
    }
  }
  close_transport();
  state_->links.reset();
  if (error && error->code() != Errc::peer_lost) {
    throw *error;
  }
  if (!flushed) {
    throw flushed.error();
  }
}

// Stores of the program may keep the links, and with them the transport, for longer than MPI lasts.
void Runtime::close_transport() noexcept {
  if (const auto links = state_->links.get(); links && state_->close_transport) {
    links->run_last(state_->close_transport);
  }
  state_->close_transport = nullptr;
}

// Before promises are broken, by which the ranks learn how one has ended.
void Runtime::finish_checkpoints(Deadline deadline) noexcept {
  if (state_->checkpoints) {
    state_->checkpoints->finish(deadline.moment(state_->options.timeout));
  }
}

// The links stay until the runtime is destroyed: other ranks may still probe this rank. A thread that makes a
// report meanwhile holds the session until it has.
void Runtime::end_session() noexcept {
  const auto session = state_->session.get();
  state_->last_report = session->report();
  session->close();
  state_->backends->close();
  state_->checkpoints.reset();  // waits for their threads, which the session lets go
  if (const auto links = state_->links.get()) {
    links->close();
  }
  session->state()->completions()->continuations().close();  // all operations have ended
  state_->signal.reset();
  state_->session.reset();
}

void Runtime::close_in_destructor() noexcept {
  const int rank = state_->group.rank();
  if (const char* reason = mpi::why_unusable()) {
    std::fprintf(
        stderr,
        "locum: rank %d: a runtime is destroyed, but %s; only this rank's part is closed. Destroy it "
        "before MPI_Finalize, in a thread that may call MPI.\n",
        rank, reason);
    state_->open = false;
    state_->closed_alone->tell();
    close_transport();
    finish_checkpoints({});
    if (const auto flushed = state_->backends->flush({}); !flushed) {
      std::fprintf(stderr, "locum: rank %d: not all was written to a backend (%s)\n", rank,
                   flushed.error().what());
    }
    end_session();
    return;
  }
  const bool unwinding = std::uncaught_exceptions() > state_->exceptions_at_start;
  const std::chrono::milliseconds timeout = state_->options.collective_timeout;
  try {
    close(unwinding ? std::min<std::chrono::milliseconds>(timeout, unwinding_patience) : timeout);
    if (const std::string lost = state_->losses->describe(); !lost.empty()) {
      std::fprintf(stderr, "locum: rank %d: the runtime was closed on this rank alone; lost: %s\n", rank,
                   lost.c_str());
    }
  } catch (const std::exception& exception) {
    if (unwinding) {
      std::fprintf(
          stderr,
          "locum: rank %d: an exception leaves the scope of a runtime that other ranks still use; the "
          "job ends here, because they would wait for ever. Catch it inside that scope to read what "
          "it says. (%s)\n",
          rank, exception.what());
      std::fflush(stderr);
      MPI_Abort(state_->group.communicator().raw(), EXIT_FAILURE);
    }
    std::fprintf(stderr, "locum: rank %d: the runtime was closed on this rank alone (%s)\n", rank,
                 exception.what());
  }
}

}  // namespace locum
