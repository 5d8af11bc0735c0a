#include "core/client/links.hpp"
#include "core/async/progress_completion_counter.hpp"

#include <algorithm>

#include "core/base/warm_memory.hpp"
#include "core/node/cluster.hpp"
#include "core/rpc/batch_dispatcher.hpp"
#include "core/server/bind_recovery.hpp"
#include "core/server/name_change_notifier.hpp"
#include "core/server/name_changes.hpp"
#include "core/server/node_service.hpp"
#include "core/server/remote_waits.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// Most objects in transfer ahead of use at a time: an owner serves at most 4096 requests of a rank.
constexpr std::uint32_t most_ahead = 1024;

// Whether a count of the channel becomes 0 by that moment.
bool becomes_none(Progress& progress, const std::shared_ptr<RpcChannel>& channel,
                  std::size_t (RpcChannel::*number)() const noexcept, Progress::Clock::time_point until) {
  struct Look {
    Pending seen;
    std::size_t left = 0;
  };
  constexpr auto between_looks = std::chrono::milliseconds(1);
  const Pending never;
  for (;;) {
    const auto look = std::make_shared<Look>();
    const auto step = [channel, number, &progress, look] {
      look->left = (*channel.*number)();
      progress.finish(look->seen);
    };
    if (!progress.wait(look->seen, until, step)) {
      return false;
    }
    if (look->left == 0) {
      return true;
    }
    if (progress.now() >= until) {  // the step of a driving thread is run nevertheless
      return false;
    }
    (void)progress.wait(never, std::min(until, progress.now() + between_looks));
  }
}

}  // namespace

Links::Links(LinkParts parts)
    : inline_bytes_(parts.inline_bytes),
      windows_(parts.window_bytes, most_ahead),
      timeout_(parts.timeout),
      channel_(std::make_shared<RpcChannel>(
          parts.transport, parts.metrics,
          RpcChannelOptions{.rank = parts.rank,
                            .size = static_cast<int>(parts.node_of_rank.size()),
                            .incarnation = parts.incarnation,
                            .patience = parts.patience,
                            .serves = parts.progress.only_thread ? call_error::Serves::only_in_calls
                                                                 : call_error::Serves::always,
                            .node_of_rank = parts.node_of_rank})),
      nodes_(std::make_shared<Nodes>(parts.node_of_rank, parts.rank, channel_)),
      waker_(std::make_shared<Waker>()),
      read_leases_(std::make_shared<ReadLeases>(parts.remote, channel_, parts.patience)),
      reads_one_sidedly_(parts.remote != nullptr) {
  waker_->set(*parts.transport);
  // Where one thread alone may drive, nobody would poll while that one waits for a single result.
  const bool has_threads = parts.progress.helper || parts.progress.only_thread.has_value();
  worker_ = std::make_shared<BackgroundWorker>(has_threads, WaitBudget::of_background(parts.patience));
  progress_ = std::make_shared<Progress>(std::move(parts.transport), channel_, std::move(parts.progress));
  const auto times = std::make_shared<TransferTimes>(parts.metrics);
  client_ = std::make_shared<NodeClient>(nodes_, progress_, worker_, times, parts.timeout);
  bind_recovery_ = std::make_shared<BindRecovery>(parts.memory, *client_, channel_, waker_);
  const auto copies_to_drop = std::make_shared<std::weak_ptr<NodeCopies>>();  // made over these objects
  objects_ = open_cluster({.arena = parts.memory.arena,
                           .table = parts.memory.table,
                           .directory = parts.memory.directory,
                           .timeout = parts.timeout,
                           .lost_node_peers = parts.lost_node_peers,
                           .monitor = parts.memory.monitor,
                           .spill = parts.memory.spill,
                           .drop_copies =
                               [copies_to_drop](std::uint64_t bytes, const WaitBudget& budget) {
                                 const auto copies = copies_to_drop->lock();
                                 return copies && copies->shed(bytes, budget);
                               },
                           .replaces_expired = false});
  const auto lease = CopyLeases::length_for(parts.patience);
  copies_.fenced = std::make_shared<FencedNodes>(parts.memory, objects_, channel_, nodes_->count(), lease);
  copies_.holders = std::make_shared<CopyHolders>(parts.memory, objects_, *client_, channel_, copies_.fenced);
  copies_.here = std::make_shared<NodeCopies>(parts.memory, objects_, parts.rank, channel_->budget());
  *copies_to_drop = copies_.here;
  notifier_ = std::make_shared<NameChangeNotifier>(waker_);
  waits_ = std::make_shared<RemoteWaits>(parts.memory, channel_, nodes_, copies_.here, notifier_,
                                         parts.lost_node_peers);
  const auto reads = std::make_shared<OneSidedReads>(parts.remote, channel_);
  copies_.flights = std::make_shared<Flights>(copies_.here, channel_, *client_, reads, parts.rank, lease);
  service_ = std::make_shared<NodeService>(
      ServiceParts{.local = parts.memory,
                   .objects = objects_,
                   .copies = copies_,
                   .channel = channel_,
                   .nodes = nodes_,
                   .dispatcher = std::make_shared<BatchDispatcher>(channel_, parts.timeout),
                   .read_leases = read_leases_,
                   .reads = reads,
                   .client = client_,
                   .changes = std::make_shared<NameChanges>(parts.memory, *client_, copies_.holders,
                                                            ChangedBy::service),
                   .bind_recovery = bind_recovery_,
                   .waits = waits_,
                   .inline_bytes = inline_bytes_,
                   .timeout = parts.timeout,
                   .lost_node_peers = parts.lost_node_peers},
      notifier_);
  open_ = service_;
  channel_->serve(service_.get());
  completions_ = std::make_shared<ProgressCompletionCounter>(progress_, parts.timeout, times);
  progress_->start();
}

// If close() gave up, because the driver did not return to it, closing happens here: all open calls end while
// the objects that they use still exist.
Links::~Links() {
  close();
  worker_->close();
  progress_->end();
}

Progress::Clock::time_point Links::poll() {
  auto due = progress_->poll();
  while (worker_->poll()) {
    due = progress_->poll();
  }
  return due;
}

void Links::lose(int rank, const Error& cause) {
  progress_->submit([channel = channel_, rank, cause] { channel->lose(rank, cause); });
  progress_->drive_briefly();
}

void Links::call_roll() {
  progress_->submit([this] {
    for (int node = 0; node < nodes_->count(); ++node) {
      if (node != nodes_->own()) {
        client_->operation(call_roll_of(node))->begin_by_driver();
      }
    }
  });
  progress_->drive_briefly();
}

Task<std::monostate> Links::call_roll_of(int node) {
  const auto until = channel_->now() + 4 * channel_->options().patience;
  const auto reply = co_await client_->request(node, Kind::roll_call, {}, {}, until);
  for (const int rank : nodes_->ranks(node)) {
    if (reply && names_rank(*reply, rank)) {
      channel_->lose(rank, call_error::death_reported());
    }
  }
  co_return std::monostate();
}

void Links::look_who_lives() {
  progress_->submit([channel = channel_, nodes = nodes_] {
    const auto own = static_cast<std::size_t>(channel->options().rank);
    for (int node = 0; node < nodes->count(); ++node) {
      const std::vector<int>& ranks = nodes->ranks(node);
      if (node != nodes->own()) {
        channel->doubt(ranks[own % ranks.size()]);
      }
    }
  });
  progress_->drive_briefly();
}

std::vector<int> Links::lost_elsewhere() const {
  std::vector<int> lost;
  for (int rank = 0; rank < channel_->options().size; ++rank) {
    if (nodes_->of_creator(static_cast<std::uint32_t>(rank)) != nodes_->own() && channel_->is_lost(rank)) {
      lost.push_back(rank);
    }
  }
  return lost;
}

void Links::settle_dead_binds() {
  progress_->post([service = open_] {
    if (const auto open = service.lock()) {
      open->settle_dead_binds();
    }
  });
}

void Links::look_for_awaited(const Key& promised, std::uint64_t name_hash) noexcept {
  progress_->submit([service = open_, promised, name_hash] {
    if (const auto open = service.lock()) {
      open->look_for_awaited(promised, name_hash);
    }
  });
  progress_->drive_briefly();
}

void Links::look_for_bound_soon_asked_for() noexcept {
  progress_->drive_unwatched();
  look_for_bound();
}

void Links::look_for_bound() noexcept {
  if (!notifier_->rung()) {
    return;
  }
  progress_->submit([service = open_, channel = channel_] {
    if (const auto open = service.lock()) {
      open->look_for_bound(channel->now());
    }
  });
  progress_->drive_briefly();
}

std::size_t Links::awaited() const noexcept {
  const auto open = open_.lock();
  return open ? open->awaited() : 0;
}

void Links::close() noexcept {
  if (!service_) {
    return;
  }
  waker_->clear();
  windows_.close();
  const bool over = close_channel();
  worker_->close();
  // Operations end with their open calls: one without a background thread may have sent another request since
  // the channel was closed, and is told within the next step.
  const bool closed = over && becomes_none(*progress_, channel_, &RpcChannel::under_way,
                                           Deadline().moment(timeout_, progress_->now()));
  // Also runs the driver's remaining steps. Over TCP, cutting off a live rank in the middle of a bulk may end
  // its process (UCX 1.13.1).
  (void)becomes_none(*progress_, channel_, &RpcChannel::bulks, Deadline().moment(timeout_, progress_->now()));
  if (closed) {
    service_.reset();
    objects_.reset();
    copies_ = {};
    waits_.reset();
    kept_.clear();
  }
  WarmMemory::of_process().drop();
}

void Links::run_last(const std::function<void()>& step) noexcept {
  constexpr auto patience = std::chrono::seconds(30);  // with what the driver does before
  const auto done = std::make_shared<Pending>();
  progress_->submit([progress = progress_.get(), step, done] {
    step();
    progress->finish(*done);
  });
  (void)progress_->wait(*done, progress_->now() + patience);
}

// Whether no thread that uses these parts drives any more.
bool Links::close_channel() {
  constexpr auto patience = std::chrono::seconds(1);  // with a step of the thread that drives now
  const auto closed = std::make_shared<Pending>();
  const Error error = runtime_closed();
  progress_->submit([channel = channel_, progress = progress_.get(), service = service_.get(),
                     bind_recovery = bind_recovery_, leases = read_leases_, waits = std::weak_ptr(waits_),
                     flights = std::weak_ptr(copies_.flights), error,
                     from_here = error.at_rank(channel_->options().rank), closed] {
    if (service != nullptr) {
      service->close(from_here);
    }
    leases->close();
    // The driver keeps this step a little longer than this call lasts: it must not own the node's memory.
    if (const auto open = waits.lock()) {
      open->close(from_here);
    }
    channel->close(error);
    if (const auto open = flights.lock()) {
      open->close(error);
    }
    bind_recovery->close();
    progress->finish(*closed);
  });
  return progress_->wait(*closed, progress_->now() + patience);
}

}  // namespace locum
