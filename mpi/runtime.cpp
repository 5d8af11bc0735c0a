#include "mpi/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

#include "core/cluster.hpp"
#include "core/report.hpp"
#include "core/version.hpp"
#include "mpi/error.hpp"
#include "mpi/group.hpp"
#include "mpi/launcher.hpp"
#include "mpi/topology.hpp"
#include "shm/fork_guard.hpp"
#include "shm/node.hpp"

namespace locum {

namespace {

// How long a rank that an exception ends waits for the others to end too, before it ends the job.
constexpr std::chrono::seconds unwinding_patience{2};
// How long a rank that has closed waits until the others have, too, at most.
constexpr std::chrono::seconds release_patience{10};

/// What this call throws on this rank, if anything, as something that can be told to the others.
template <class Call>
std::optional<Error> error_of(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& exception) {
    return Error(Errc::system, "set-up failed", exception.what());
  }
  return std::nullopt;
}

void throw_if(const std::optional<Error>& error) {
  if (error) {
    throw *error;
  }
}

std::string version_and_options(const RuntimeOptions& options) {
  return "version = " + std::string(version()) + "\n" + to_string(options);
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "memory_bytes = 2 there, memory_bytes = 1 on rank 0; …": the lines in which two texts differ.
std::string differing_lines(const std::string& there, const std::string& on_rank_0) {
  std::istringstream first(there);
  std::istringstream second(on_rank_0);
  std::string text;
  std::string a;
  std::string b;
  while (std::getline(first, a) && std::getline(second, b)) {
    if (a != b) {
      text.append(text.empty() ? "" : "; ").append(a).append(" there, ").append(b).append(" on rank 0");
    }
  }
  return text.empty() ? "one rank has more options than the other" : text;
}

void require_equal_options(mpi::CommunicatorGroup& group, const RuntimeOptions& options) {
  const std::string mine = version_and_options(options);
  const std::string rank_0 = text_of(group.broadcast(bytes_of(mine), 0, "comparing the options"));
  std::optional<Error> error;
  if (mine != rank_0) {
    error = Error(Errc::options_differ,
                  "rank " + std::to_string(group.rank()) + " wants another runtime than rank 0 (" +
                      differing_lines(mine, rank_0) +
                      "); give all ranks the same options, LOCUM_ variables and version of the library");
  }
  throw_if(group.agree(error, "comparing the options", {}));
}

void require_one_node(mpi::CommunicatorGroup& group, const RuntimeOptions& options) {
  const std::vector<int>& nodes = group.node_of_rank();
  const int count = 1 + *std::max_element(nodes.begin(), nodes.end());
  if (count == 1) {
    return;
  }
  const auto moment = Deadline(options.collective_timeout).moment(options.collective_timeout);
  throw Error(Errc::unsupported,
              "this version shares objects among the ranks of one node; this communicator spans " +
                  std::to_string(count) + " nodes (" +
                  mpi::describe_nodes(group.communicator(), nodes, moment) + "); " +
                  (options.ranks_per_node > 0 ? "ranks_per_node (LOCUM_RANKS_PER_NODE) splits machines here, "
                                                "leave it 0"
                                              : "make one runtime per node, on communicators from "
                                                "MPI_Comm_split_type(MPI_COMM_TYPE_SHARED)"));
}

std::uint64_t random_incarnation(mpi::CommunicatorGroup& group) {
  std::random_device device;
  std::uint64_t number = 0;
  while (number == 0) {
    number = (std::uint64_t{device()} << 32U) | device();
  }
  std::vector<std::byte> bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  bytes = group.broadcast(std::move(bytes), 0, "choosing the runtime's number");
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

RuntimeOptions checked_options(mpi::CommunicatorGroup& group, const Result<RuntimeOptions>& asked) {
  throw_if(group.agree(asked ? std::nullopt : std::optional(asked.error()), "checking the options", {}));
  require_equal_options(group, *asked);
  return *asked;
}

std::vector<int> ranks_of(const shm::Losses& losses) {
  std::vector<int> ranks;
  if (losses.any()) {
    for (const shm::Loss& loss : losses.all()) {
      ranks.push_back(static_cast<int>(loss.rank));
    }
  }
  return ranks;
}

// "rank 1 (adopted by rank 0), rank 3", or nothing.
std::string describe(const shm::Losses& losses) {
  std::string text;
  for (const shm::Loss& loss : losses.all()) {
    text += (text.empty() ? "rank " : ", rank ") + std::to_string(loss.rank) +
            (loss.adopter ? " (adopted by rank " + std::to_string(*loss.adopter) + ")" : "");
  }
  return text;
}

mpi::CommunicatorGroup group_over(MPI_Comm communicator, const Result<RuntimeOptions>& asked) {
  if (const char* reason = mpi::why_unusable()) {
    throw Error(Errc::invalid_argument,
                std::string(reason) +
                    "; a runtime lives between MPI_Init and MPI_Finalize, and is made "
                    "and closed in a thread that may call MPI");
  }
  // Where the options are wrong, the ranks still have to meet in order to say so together.
  const RuntimeOptions options = asked.value_or(RuntimeOptions{});
  const auto moment = Deadline(options.collective_timeout).moment(options.collective_timeout);
  return {mpi::Communicator::duplicate(communicator, moment), options.collective_timeout,
          options.ranks_per_node};
}

}  // namespace

/// Everything that a runtime owns but the session. Members are destroyed in reverse: the communicator last.
struct Runtime::State {
  State(MPI_Comm communicator, const Result<RuntimeOptions>& asked)
      : group(group_over(communicator, asked)),
        options(checked_options(group, asked)),
        exceptions_at_start(std::uncaught_exceptions()) {}

  mpi::CommunicatorGroup group;
  RuntimeOptions options;
  int exceptions_at_start;
  std::uint64_t incarnation = 0;
  std::shared_ptr<const shm::Losses> losses;
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::optional<shm::ForkGuard> fork_guard;  // once there is a session
  bool open = false;
  RankReport last_report;  // once closed
};

Runtime::Runtime(MPI_Comm communicator, RuntimeOptions options)
    : state_(std::make_unique<State>(communicator, with_environment(options))) {
  mpi::CommunicatorGroup& group = state_->group;
  require_one_node(group, state_->options);
  state_->incarnation = random_incarnation(group);

  std::vector<std::uint32_t> ranks(static_cast<std::size_t>(group.size()));
  std::iota(ranks.begin(), ranks.end(), 0U);
  shm::Node node = shm::open_node(group, ranks, state_->options, state_->incarnation);
  state_->losses = node.losses;
  group.watch([losses = node.losses] { return ranks_of(*losses); });

  throw_if(group.agree(error_of([&] {
                         auto connector = open_cluster({.arena = std::move(node.arena),
                                                        .table = std::move(node.table),
                                                        .directory = std::move(node.directory),
                                                        .timeout = state_->options.timeout});
                         session_ =
                             std::make_shared<Session>(std::move(connector), state_->metrics,
                                                       SessionOptions{.incarnation = state_->incarnation,
                                                                      .rank = group.rank(),
                                                                      .node = 0,
                                                                      .options = state_->options});
                         state_->fork_guard.emplace(session_);
                       }),
                       "opening the runtime", {}));
  state_->open = true;

  int world_size = 0;
  mpi::check(MPI_Comm_size(MPI_COMM_WORLD, &world_size), "MPI_Comm_size");
  if (const std::string warning = mpi::singleton_warning(world_size); !warning.empty()) {
    std::fprintf(stderr, "locum: %s\n", warning.c_str());
  }
}

Runtime::~Runtime() {
  if (state_->fork_guard && state_->fork_guard->in_child()) {
    // The threads that destructors would wait for are the parent's, and so are MPI and the pins. The guard in
    // the state keeps the session.
    static_cast<void>(state_.release());
    return;
  }
  if (state_->open) {
    close_in_destructor();
  }
}

void Runtime::require_open(const char* call) const {
  if (!state_->open) {
    throw Error(Errc::closed, std::string(call) + ": this runtime has been closed");
  }
}

// In a child nothing may be asked that takes a lock, which a thread of the rank may have held at the fork, or
// that collects what others evicted, which the rank would never learn of.
void Runtime::require_rank(const char* call) const {
  if (state_->fork_guard && state_->fork_guard->in_child()) {
    throw Error(Errc::closed, std::string(call) +
                                  ": this process was forked from a rank, and is none; call it "
                                  "in the rank itself, and end the child by exec or _exit");
  }
}

void Runtime::require_mpi(const char* call) const {
  require_rank(call);
  if (const char* reason = mpi::why_unusable()) {
    throw Error(Errc::invalid_argument, std::string(call) + ": " + reason +
                                            "; it is collective, call it before MPI_Finalize, in a thread "
                                            "that may call MPI");
  }
}

Store Runtime::store(std::string_view name, StoreOptions options) {
  require_open("store");
  return session_->open(name, std::move(options)).value();
}

void Runtime::drop(std::string_view name, Deadline deadline) {
  require_open("drop");
  require_mpi("drop");
  mpi::CommunicatorGroup& group = state_->group;
  const Deadline until = deadline.moment(state_->options.collective_timeout);
  const std::string step = "drop \"" + std::string(name) + "\"";
  throw_if(group.agree(std::nullopt, step, until));
  // All are here, so that nobody opens the store now; and all look its number up before it is gone.
  const Result<std::uint32_t> number = session_->number_of(name);
  const bool absent = !number && number.error().code() == Errc::not_found;
  throw_if(group.agree(number || absent ? std::nullopt : std::optional(number.error()), step, until));
  throw_if(group.agree(error_of([&] {
                         if (number) {
                           (void)session_->drop(name, *number).value();
                         }
                       }),
                       step, until));
}

void Runtime::close(Deadline deadline) {
  if (!state_->open) {
    return;
  }
  require_mpi("close");
  state_->open = false;
  const auto until = deadline.moment(state_->options.collective_timeout);
  mpi::CommunicatorGroup& group = state_->group;
  // Once all have come nobody reads any more; once all have closed the memory is free for whoever opens next.
  std::optional<Error> error =
      error_of([&] { throw_if(group.agree(std::nullopt, "closing the runtime", until)); });
  end_session();
  if (!error && !state_->losses->any()) {
    // All were alive just now, and nobody watches from here on: who dies in between must not cost much.
    const auto soon = std::min(until, Deadline::Clock::now() + release_patience);
    error = error_of([&] { throw_if(group.agree(std::nullopt, "giving the node's memory back", soon)); });
    if (error && error->code() == Errc::timeout && soon < until) {
      error.reset();
    }
  }
  if (error && error->code() != Errc::peer_lost) {
    throw *error;
  }
}

void Runtime::end_session() noexcept {
  state_->last_report = session_->report();
  session_->close();
  state_->fork_guard->release();
  session_.reset();
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
    end_session();
    return;
  }
  const bool unwinding = std::uncaught_exceptions() > state_->exceptions_at_start;
  const std::chrono::milliseconds timeout = state_->options.collective_timeout;
  try {
    close(unwinding ? std::min<std::chrono::milliseconds>(timeout, unwinding_patience) : timeout);
    if (const std::string lost = describe(*state_->losses); !lost.empty()) {
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

std::vector<int> Runtime::lost_ranks() const {
  require_rank("lost_ranks");
  return ranks_of(*state_->losses);
}

std::string Runtime::report() const {
  require_rank("report");
  const RankReport mine = session_ ? session_->report() : state_->last_report;
  const std::string lost = describe(*state_->losses);
  return to_text(std::span(&mine, 1)) + (lost.empty() ? "" : "locum: lost: " + lost + "\n");
}

std::string Runtime::report_all(Deadline deadline) {
  require_open("report_all");
  require_mpi("report_all");
  mpi::CommunicatorGroup& group = state_->group;
  const Deadline until = deadline.moment(state_->options.collective_timeout);
  throw_if(group.agree(std::nullopt, "report_all", until));
  const RankReport mine = session_->report();
  const std::vector<std::byte> bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<RankReport> ranks(static_cast<std::size_t>(group.size()));
  std::memcpy(ranks.data(), bytes.data(), bytes.size());
  return to_text(ranks);
}

const Metrics& Runtime::metrics() const noexcept {
  return *state_->metrics;
}
const RuntimeOptions& Runtime::options() const noexcept {
  return state_->options;
}
int Runtime::rank() const noexcept {
  return state_->group.rank();
}
int Runtime::size() const noexcept {
  return state_->group.size();
}
std::uint64_t Runtime::incarnation() const noexcept {
  return state_->incarnation;
}

}  // namespace locum
