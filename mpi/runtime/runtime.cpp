#include "mpi/runtime/runtime.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <random>
#include <span>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/client/distributed.hpp"
#include "core/client/links.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/cluster.hpp"
#include "core/raw_proxy.hpp"
#include "core/report.hpp"
#include "mpi/error.hpp"
#include "mpi/group.hpp"
#include "mpi/launcher.hpp"
#include "mpi/runtime/agreed_options.hpp"
#include "mpi/runtime/files.hpp"
#include "mpi/runtime/joined_ranks.hpp"
#include "mpi/runtime/links.hpp"
#include "mpi/runtime/report.hpp"
#include "mpi/runtime/state.hpp"
#include "mpi/runtime/stores.hpp"
#include "shm/node.hpp"
#include "transport/storage/spill_file.hpp"

namespace locum {

namespace {

using mpi::error_of;
using mpi::throw_if;

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

/// Who has to reach what all ranks use.
SharedBy ranks_of(const mpi::CommunicatorGroup& group) {
  return group.size() == 1                     ? SharedBy::process
         : group.nodes() == group.nodes_here() ? SharedBy::host
                                               : SharedBy::hosts;
}

/// What the stores in the nodes' memory can do: as `memory:`, for all ranks.
BackendTraits traits_of_nodes(SharedBy ranks, std::uint64_t memory_bytes) {
  return {.scheme = "the nodes' memory",
          .largest_record = memory_bytes,
          .expires = true,
          .pushes = true,
          .in_place = true,
          .is_durable = false,
          .shared_by = ranks};
}

GroupParts parts_of_group(MPI_Comm communicator, const Result<RuntimeOptions>& given) {
  if (const char* reason = mpi::why_unusable()) {
    throw Error(Errc::invalid_argument,
                std::string(reason) +
                    "; a runtime lives between MPI_Init and MPI_Finalize, and is made "
                    "and closed in a thread that may call MPI");
  }
  // With wrong options the ranks still have to meet, to fail together.
  const std::chrono::milliseconds patience = given.value_or(RuntimeOptions{}).collective_timeout;
  const auto moment = Deadline(patience).moment(patience);
  auto duplicate =
      joined_ranks(communicator, moment,
                   {.why = "not all ranks of the communicator have made their runtime in time "
                           "(collective_timeout); each has to, after the same collective calls of "
                           "MPI as the others: one that splits this communicator first waits "
                           "for those that do not",
                    .rank = {},
                    .log = given.value_or(RuntimeOptions{}).log});
  mpi::AskedOptions asked = mpi::asked_options(duplicate, given, moment);
  return {std::move(duplicate), std::move(asked), moment};
}

/// The file of a node for objects that leave its memory, if there is to be one.
SpillFiles spill_files(const RuntimeOptions& options) {
  if (options.spill_folder.empty()) {
    return {};
  }
  const storage::SpillOptions spill{.folder = std::string(options.spill_folder),
                                    .most_bytes = options.spill_bytes};
  return {.make = [spill] { return storage::make_spill_file(spill); },
          .take = [spill](int descriptor) { return storage::take_spill_file(spill, descriptor); }};
}

/// Collective over all ranks; each node opens its own memory.
shm::Node open_own_node(mpi::CommunicatorGroup& group, const RuntimeOptions& options,
                        std::uint64_t incarnation) {
  if (group.nodes() == 1) {
    return shm::open_node(group, ranks_of_node(group), options, incarnation, spill_files(options));
  }
  constexpr std::string_view step = "opening the memory of each node";
  std::optional<shm::Node> node;
  mpi::CommunicatorGroup of_node = group.of_node();
  const std::optional<Error> failure = error_of([&] {
    RuntimeOptions own = options;
    if (own.memory_bytes == 0) {
      // Nodes on one machine share its memory.
      own.memory_bytes = shm::default_memory_bytes() / static_cast<std::uint64_t>(group.nodes_here());
    }
    node = shm::open_node(of_node, ranks_of_node(group), own, incarnation, spill_files(own));
  });
  // The ranks of the node have agreed already, and all have the error of one of them, with its rank within
  // the node. That one passes it first, so that all ranks get its rank in the runtime.
  const bool repeated = failure && failure->rank() >= 0 && failure->rank() != of_node.rank();
  throw_if(group.agree(repeated ? std::nullopt : failure, step, {}));
  throw_if(group.agree(failure, step, {}));
  return std::move(*node);
}

std::shared_ptr<Connector> open_connector(const NodeMemory& memory, const RuntimeOptions& options,
                                          const std::shared_ptr<Links>& links,
                                          const std::shared_ptr<mpi::LostRankMonitor>& losses) {
  return links ? open_distributed(memory, links)
               : open_cluster({.arena = memory.arena,
                               .table = memory.table,
                               .directory = memory.directory,
                               .timeout = options.timeout,
                               .lost_node_peers = [losses] { return losses->node_peers(); },
                               .monitor = memory.monitor,
                               .spill = memory.spill});
}

Error closed_error(const char* call) {
  return Error(Errc::closed, std::string(call) + ": this runtime has been closed");
}

mpi::CommunicatorGroup group_of(GroupParts& parts) {
  const RuntimeOptions options = parts.asked.options.value_or(RuntimeOptions{});
  return {std::move(parts.communicator), options.collective_timeout, options.ranks_per_node, parts.until};
}

}  // namespace

std::vector<std::uint32_t> ranks_of_node(const mpi::CommunicatorGroup& group) {
  std::vector<std::uint32_t> ranks;
  for (std::size_t rank = 0; rank < group.node_of_rank().size(); ++rank) {
    if (group.node_of_rank()[rank] == group.node()) {
      ranks.push_back(static_cast<std::uint32_t>(rank));
    }
  }
  return ranks;
}

Runtime::State::State(GroupParts parts)
    : group(group_of(parts)),
      options(mpi::agreed_options(group, parts.asked.options)),
      name(options.name),
      spill_folder(options.spill_folder),
      stores(options.stores),
      exceptions_at_start(std::uncaught_exceptions()) {
  options.name = name;
  options.spill_folder = spill_folder;
  options.stores = stores;
}

Runtime::Runtime(MPI_Comm communicator, RuntimeOptions options)
    : state_(std::make_unique<State>(parts_of_group(communicator, with_environment(options)))) {
  mpi::CommunicatorGroup& group = state_->group;
  const RuntimeOptions& own = state_->options;
  BackendSessionOptions of_sessions{.timeout = own.timeout,
                                    .decoded_cache_bytes = own.decoded_cache_bytes,
                                    .rank = group.rank(),
                                    .node = group.node()};
  if (own.prefetch_bytes != 0) {
    of_sessions.prefetch_bytes = own.prefetch_bytes;
  }
  state_->backends = std::make_shared<BackendSessions>(mpi::agreed_stores(group, state_->stores), of_sessions,
                                                       state_->metrics);
  state_->incarnation = random_incarnation(group);
  shm::Node node = open_own_node(group, state_->options, state_->incarnation);
  state_->losses = std::make_shared<mpi::LostRankMonitor>(
      node.losses, ranks_of_node(group), [closed = node.closed_alone] { return closed->ranks(); });
  state_->closed_alone = node.closed_alone;
  state_->node_peers = std::move(node.processes);
  // Touching memory ahead takes cores that the other ranks of the machine need to open and to close.
  node.prepare(false);
  state_->prepare = std::move(node.prepare);
  group.watch([losses = state_->losses] { return losses->ranks_while_waiting(); });

  const NodeMemory memory{std::move(node.arena), std::move(node.table), std::move(node.directory),
                          std::move(node.monitor), std::move(node.spill)};
  const RuntimeParts parts{.group = group,
                           .memory = memory,
                           .node = node,
                           .options = state_->options,
                           .incarnation = state_->incarnation,
                           .metrics = state_->metrics,
                           .losses = state_->losses};
  RuntimeLinks opened = open_links(parts);
  const std::shared_ptr<Links> links = std::move(opened.links);
  state_->links.set(links);
  state_->close_transport = std::move(opened.close_transport);
  state_->transport = {.transport = std::move(opened.transport),
                       .transport_details = std::move(opened.details),
                       .only_in_calls = opened.only_in_calls};
  state_->backends->know_job({.lost_node_peers = [losses = state_->losses] { return losses->node_peers(); },
                              .ranks = ranks_of(group),
                              .window_bytes = window_bytes(parts),
                              .only_in_calls = opened.only_in_calls});
  state_->memory_bytes = node.memory_bytes;
  if (opened.only_in_calls) {
    // Whoever waits for the others in a collective call serves them meanwhile.
    group.watch([losses = state_->losses, served = std::weak_ptr(links)] {
      if (const auto open = served.lock()) {
        (void)open->poll();
      }
      return losses->ranks_while_waiting();
    });
  }
  if (links) {
    state_->losses->watch(links, state_->options.peer_timeout);
  }
  std::string logged;
  if (state_->options.log != Log::off) {
    const RuntimeReport report = gather_report(group, state_->options, state_->memory_bytes, job_facts());
    logged = group.rank() == 0 ? to_be_logged(report, state_->options.log) : std::string();
  }
  throw_if(group.agree(
      error_of([&] {
        const auto session = std::make_shared<Session>(
            open_connector(memory, state_->options, links, state_->losses), state_->metrics,
            SessionOptions{.incarnation = state_->incarnation,
                           .rank = group.rank(),
                           .node = group.node(),
                           .options = state_->options,
                           .spin = spin_time(group),
                           .traits = traits_of_nodes(ranks_of(group), state_->memory_bytes)},
            links ? links->completions() : std::make_shared<CompletionCounter>(state_->options.timeout));
        node.losses->when_adopted(
            [connected = std::weak_ptr(links), may_expire = session->state()->when_adopted()] {
              if (const auto open = connected.lock()) {
                open->settle_dead_binds();
              }
              may_expire();
            });
        use_files(*session, static_cast<std::uint32_t>(group.size()));
        state_->fork_guard.emplace();
        session->state()->open_by([backends = std::weak_ptr(state_->backends)](const Session& session_of_name,
                                                                               std::string_view name) {
          const auto open = backends.lock();
          return open ? open->store(session_of_name, name) : session_of_name.open(name);
        });
        session->announce();
        state_->session.set(session);
        state_->signal.emplace(state_->options.checkpoint_signal);
      }),
      "opening the runtime", {}));
  (void)group.share_moment({});
  state_->open = true;
  state_->prepare(true);
  std::fputs(logged.c_str(), stderr);

  int world_size = 0;
  mpi::check(MPI_Comm_size(MPI_COMM_WORLD, &world_size), "MPI_Comm_size");
  if (const std::string warning = mpi::singleton_warning(std::max(world_size, group.size()));
      !warning.empty()) {
    std::fprintf(stderr, "locum: %s\n", warning.c_str());
  }
  if (group.rank() == 0 && links && !links->reads_one_sidedly()) {
    std::fputs(describe_reads().c_str(), stderr);
  }
}

RawProxy Runtime::raw_proxy(const Handle& handle) {
  require_open("raw_proxy");
  return session_of(handle).raw_proxy(handle);
}

void Runtime::require_open(const char* call) const {
  if (!state_->open) {
    throw closed_error(call);
  }
}

Session Runtime::session(const char* call) const {
  require_open(call);
  const auto open = state_->session.get();
  if (open == nullptr) {  // closed since
    throw closed_error(call);
  }
  return *open;
}

// A forked child must not call functions that take a lock, which a thread of the rank may have held at the
// fork, or that collect evicted objects, which the rank would never learn of.
void Runtime::require_rank(const char* call) const {
  if (state_->fork_guard && state_->fork_guard->in_child()) {
    throw Error(Errc::closed, std::string(call) +
                                  ": this process was forked from a rank; call it in the rank itself, and "
                                  "end the child by exec or _exit");
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

Store Runtime::store(std::string_view name) const {
  return state_->backends->store(session("store"), name).value();
}

Store Runtime::store(std::string_view name, const StoreOptions& options) const {
  return state_->backends->store(session("store"), name, options).value();
}

Result<void> Runtime::flush(Deadline deadline) const {
  require_rank("flush");
  return state_->open ? state_->backends->flush(deadline)
                      : Error(Errc::closed, "flush: this runtime has been closed; call it before that");
}

Session Runtime::session_of(const Handle& handle) const {
  if (handle.incarnation != state_->incarnation) {
    if (auto other = state_->backends->find(handle.incarnation)) {
      return *std::move(other);
    }
  }
  return session("proxy");
}

// The number is unique in the runtime: that of the side's first rank, and how many that one has numbered.
StepSide Runtime::step_side(MPI_Comm ranks) {
  require_open("step_side");
  require_mpi("step_side");
  const auto until = Deadline().moment(state_->options.collective_timeout);
  const mpi::LostRanks& lost = state_->group.communicator().lost();
  auto side = joined_ranks(ranks, until,
                           {.why = "not all ranks of the communicator have opened their side of a stream of "
                                   "steps in time (collective_timeout); let all of them open the writer or "
                                   "the reader, and give each side a communicator of its own, by "
                                   "MPI_Comm_split",
                            .rank = state_->group.rank(),
                            .log = state_->options.log,
                            .lost = lost});
  side.watch(lost);
  const std::uint64_t mine =
      (static_cast<std::uint64_t>(state_->group.rank() + 1) << 32U) | ++state_->step_sides;
  std::vector<std::byte> number(sizeof mine);
  std::memcpy(number.data(), &mine, sizeof mine);
  number = side.broadcast(std::move(number), 0, until, "open a stream of steps");
  StepSide made{session("step_side"), static_cast<std::size_t>(side.rank()),
                static_cast<std::size_t>(side.size())};
  std::memcpy(&made.number, number.data(), sizeof made.number);
  return made;
}

void Runtime::drop(std::string_view name, Deadline deadline) {
  require_open("drop");
  require_mpi("drop");
  mpi::CommunicatorGroup& group = state_->group;
  const Deadline until = deadline.moment(state_->options.collective_timeout);
  const std::string step = "drop \"" + std::string(name) + "\"";
  std::optional<Session> session;
  throw_if(group.agree(
      error_of([&] { session = state_->backends->session_of(this->session("drop"), name).value(); }), step,
      until));
  // All ranks are here, so that none opens the store now; and all look up its number before it is gone.
  const Result<std::uint32_t> number = session->number_of(name);
  const bool absent = !number && number.error().code() == Errc::not_found;
  throw_if(group.agree(number || absent ? std::nullopt : std::optional(number.error()), step, until));
  throw_if(group.agree(error_of([&] {
                         if (number) {
                           (void)session->drop(name, *number).value();
                         }
                       }),
                       step, until));
}

std::vector<int> Runtime::lost_ranks() const {
  require_rank("lost_ranks");
  return state_->losses->ranks();
}

std::string Runtime::report() const {
  require_rank("report");
  const auto session = state_->session.get();
  const RankReport mine = session ? session->report() : state_->last_report;
  const std::string lost = state_->losses->describe();
  const std::vector<StoreRow> stores =
      session ? store_rows(session->state()->connector(), rank(), node()) : std::vector<StoreRow>();
  return to_text(std::span(&mine, 1)) + to_text(stores) + describe_transport() + describe_reads() +
         state_->backends->describe() + (lost.empty() ? "" : "locum: lost: " + lost + "\n");
}

std::string Runtime::describe_transport() const {
  return state_->transport.transport.empty()
             ? std::string()
             : "locum: nodes are connected by " + state_->transport.transport + '\n';
}

// The abilities of the lanes, if the option asks for them.
std::string Runtime::describe_reads() const {
  const auto links = state_->links.get();
  if (!links || state_->options.one_sided == OneSided::off) {
    return {};
  }
  return links->reads_one_sidedly() ? "locum: large objects of other nodes are read one-sidedly\n"
                                    : "locum: large objects of other nodes are sent by their owners: "
                                      "these lanes do not support one-sided reads\n";
}

// The transport, and what else is the same on all ranks.
JobFacts Runtime::job_facts() const {
  JobFacts facts = state_->transport;
  const auto links = state_->links.get();
  const bool on = links && links->reads_one_sidedly();
  facts.one_sided = on                                           ? "on"
                    : state_->options.one_sided == OneSided::off ? "off"
                                                                 : "not supported by this network";
  facts.spill_folder = state_->options.spill_folder;
  facts.spill_bytes = state_->options.spill_bytes;
  return facts;
}

std::string Runtime::describe(Deadline deadline) {
  require_open("describe");
  require_mpi("describe");
  mpi::CommunicatorGroup& group = state_->group;
  const mpi::SharedMoment until(group, deadline.moment(state_->options.collective_timeout));
  throw_if(group.agree(std::nullopt, "describe", {}));
  return gather_report(group, state_->options, state_->memory_bytes, job_facts()).text();
}

std::string Runtime::report_all(Deadline deadline) {
  require_open("report_all");
  require_mpi("report_all");
  mpi::CommunicatorGroup& group = state_->group;
  const mpi::SharedMoment until(group, deadline.moment(state_->options.collective_timeout));
  throw_if(group.agree(std::nullopt, "report_all", {}));
  const Session open = session("report_all");
  const RankReport mine = open.report();
  const std::vector<RankReport> ranks = mpi::gathered(group, mine);
  const std::vector<StoreRow> stores =
      gather_rows(group, store_rows(open.state()->connector(), rank(), node()));
  return to_text(ranks) + to_text(stores) + describe_transport();
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
int Runtime::node() const noexcept {
  return state_->group.node();
}
int Runtime::nodes() const noexcept {
  return state_->group.nodes();
}
std::uint64_t Runtime::incarnation() const noexcept {
  return state_->incarnation;
}

}  // namespace locum
