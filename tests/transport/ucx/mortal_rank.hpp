#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/client/distributed.hpp"
#include "core/client/links.hpp"
#include "core/value/options.hpp"
#include "shm/node.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/node_fate.hpp"
#include "tests/transport/ucx/node_group.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::tests {

/// A rank of a run in which some ranks die: its node's memory and its links, over a transport and remote
/// memory with numbered moments; at the one that its fate names it is killed or stopped.
class MortalRank {
 public:
  static constexpr std::chrono::seconds patience{1};

  /// Collective over all ranks.
  MortalRank(Group& group, const Fate& fate, const SharedBoard& board, std::uint64_t seed)
      : rank_(group.rank()), ranks_per_node_(fate.scene == Scene::pairs ? 2 : 1), fate_(fate), board_(board) {
    board_->pids[static_cast<std::size_t>(rank_)] = ::getpid();
    open(group, seed);
  }
  MortalRank(const MortalRank&) = delete;
  MortalRank& operator=(const MortalRank&) = delete;

  /// From now on it may be killed or stopped.
  void arm() noexcept { armed_ = true; }
  void come_to(const Moment& moment) {
    if (armed_ && moment == fate_.moment && ++board_->occurrences == fate_.occurrence) {
      fall();
    }
  }

  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int ranks_per_node() const noexcept { return ranks_per_node_; }
  [[nodiscard]] const shm::Node& node() const noexcept { return node_; }
  [[nodiscard]] const std::shared_ptr<Links>& links() const noexcept { return links_; }
  [[nodiscard]] Connector& connector() const noexcept { return *connector_; }
  /// Whether it has adopted a dead rank of its node.
  [[nodiscard]] bool has_adopted() const noexcept { return adopted_; }
  void pause(Progress::Clock::duration time) const { links_->client()->pause(time); }

 private:
  void open(Group& group, std::uint64_t seed) {
    NodeGroup node_group(group, ranks_per_node_);
    const RuntimeOptions options{.memory_bytes = 32_MiB};
    std::vector<std::uint32_t> node_peers(static_cast<std::size_t>(ranks_per_node_));
    for (std::size_t at = 0; at < node_peers.size(); ++at) {
      node_peers[at] = static_cast<std::uint32_t>(rank_ / ranks_per_node_ * ranks_per_node_) +
                       static_cast<std::uint32_t>(at);
    }
    node_ = shm::open_node(node_group, node_peers, options, seed);
    const NodeMemory memory{node_.arena, node_.table, node_.directory};
    const auto opened = open_transport(group);
    connect(group, *opened.transport);
    const auto at_moment = [this](const Moment& moment) { come_to(moment); };
    const auto told_of = [this](int rank) {
      board_->told += board_->fallen[static_cast<std::size_t>(rank)] ? 1 : 0;
    };
    links_ = std::make_shared<Links>(LinkParts{
        .transport = std::make_shared<MortalTransport>(opened.transport, at_moment, told_of),
        .remote = opened.remote ? std::make_shared<MortalMemory>(opened.remote, at_moment) : nullptr,
        .memory = memory,
        .node_of_rank = ranks_per_node_ == 2 ? std::vector{0, 0, 1, 1} : std::vector{0, 1, 2, 3},
        .rank = rank_,
        .incarnation = seed,
        .metrics = std::make_shared<Metrics>(),
        .timeout = std::chrono::seconds(30),
        .patience = patience,
        .lost_node_peers =
            [losses = node_.losses, first = rank_ / ranks_per_node_ * ranks_per_node_] {
              std::vector<int> ranks;
              for (const DeadRank& loss : losses->all()) {
                ranks.push_back(first + static_cast<int>(loss.rank));
              }
              return ranks;
            },
        .progress = {}});
    node_.losses->when_adopted([this, links = std::weak_ptr(links_)] {
      if (const auto open = links.lock()) {
        open->settle_dead_binds();
        adopted_ = true;
      }
    });
    connector_ = open_distributed(memory, links_);
  }

  // As the runtime does for LOCUM_ONE_SIDED=ucx_memory, or without it.
  ucx::OpenedTransport open_transport(Group& group) {
    const ucx::TransportOptions soon{.close_timeout = std::chrono::milliseconds(500)};
    if (fate_.scene == Scene::pairs) {
      return {.transport = ucx::open_transport(group, soon), .remote = {}, .memory = {}};
    }
    auto opened = ucx::open_transport_with_remote_memory(
        group, {.allocated_bytes = node_.memory_bytes, .place = node_.own_memory.data()}, soon);
    node_.keep(opened.keeper);
    board_->reads = opened.remote != nullptr;
    return opened;
  }

  // To all others. Deaths while others connect are tested in first_contact_test.cpp.
  static void connect(Group& group, Transport& transport) {
    constexpr std::array<std::byte, 1> tick{std::byte{1}};
    Recorder recorder;
    for (int other = 0; other < mortals; ++other) {
      if (other != group.rank()) {
        EXPECT_TRUE(transport.send(other, tick, {}, 0));
      }
    }
    EXPECT_TRUE(drive(transport, recorder, [&] { return recorder.messages.size() == mortals - 1; }));
    barrier(group, [&] { transport.progress(recorder); });
  }

  [[noreturn]] void fall() {
    const int signal = fate_.stops ? SIGSTOP : SIGKILL;
    const auto own = static_cast<std::size_t>(rank_);
    board_->victim = rank_;
    board_->fallen[own] = true;
    if (fate_.whole_node && ranks_per_node_ == 2) {
      board_->fallen[own ^ 1U] = true;
      ::kill(board_->pids[own ^ 1U], signal);
    }
    ::raise(signal);
    std::abort();
  }

  const int rank_;
  const int ranks_per_node_;
  const Fate fate_;
  const SharedBoard& board_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> adopted_{false};
  shm::Node node_;
  std::shared_ptr<Links> links_;
  std::shared_ptr<Connector> connector_;
};

}  // namespace locum::tests
