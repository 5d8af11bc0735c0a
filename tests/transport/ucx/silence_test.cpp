// Hosts that fall silent: network namespaces between which packets are dropped without notification, as after
// a power cut or with a broken switch. When only a process dies its kernel reports that at once, which hides
// the effects of silence. The ranks of three hosts send requests to each other all the time; the last host is
// cut off.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "core/client/distributed.hpp"
#include "core/client/links.hpp"
#include "core/value/options.hpp"
#include "shm/node.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/transport/ucx/hosts.hpp"
#include "tests/transport/ucx/node_group.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::ucx::silence_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Link = tests::Hosts::Link;
using std::chrono::milliseconds;

constexpr int hosts = 3;
constexpr int silent_host = hosts - 1;
constexpr std::uint32_t store = 5;
constexpr milliseconds timeout = 4s;
// Of calls to the silent host.
constexpr milliseconds deadline = 500ms;
// How much a call may exceed its deadline, on a machine that is ten times slower.
constexpr milliseconds slack = 10s;
constexpr milliseconds longest_close = timeout + 1s + slack;
// After a tolerated outage the silent host replies within that time: TCP retransmits what was dropped.
constexpr milliseconds recovery = 20s;

/// What happens to the silent host.
struct Outage {
  int ranks_per_host = 1;
  Link link = Link::cut;
  milliseconds lasts{0};  ///< 0: for ever
  milliseconds peer_timeout = 2s;

  [[nodiscard]] bool ends() const noexcept { return lasts != 0ms; }
};

std::ostream& operator<<(std::ostream& out, const Outage& outage) {
  constexpr std::array links{"", "cut off", "receives only", "sends only", "its device down"};
  out << outage.ranks_per_host << " a host, " << links[static_cast<std::size_t>(outage.link)];
  return outage.ends() ? out << " for " << outage.lasts.count() << " ms" : out << " for ever";
}

/// Shared by the processes of a run.
struct Board {
  std::atomic<int> ready{0};
  std::atomic<bool> cut{false};
  std::atomic<bool> whole{false};
  std::atomic<bool> too_long{false};  ///< the machine was too busy to end the outage in time
};

/// A rank of a run. One of its threads sends requests to a healthy host, another one to the silent host.
class HostRank {
 public:
  HostRank(Group& group, const Outage& outage, Board& board)
      : group_(group),
        outage_(outage),
        board_(board),
        host_(group.rank() / outage.ranks_per_host),
        is_well_(host_ != silent_host) {
    std::vector<std::uint32_t> node_peers;
    std::vector<int> node_of_rank;
    for (int rank = 0; rank < group.size(); ++rank) {
      node_of_rank.push_back(rank / outage.ranks_per_host);
      if (node_of_rank.back() == host_) {
        node_peers.push_back(static_cast<std::uint32_t>(rank));
      }
    }
    tests::NodeGroup node_group(group, outage.ranks_per_host);
    node_ = shm::open_node(node_group, node_peers, RuntimeOptions{.memory_bytes = 32_MiB}, 7);
    const NodeMemory memory{node_.arena, node_.table, node_.directory};
    links_ = std::make_shared<Links>(
        LinkParts{.transport = open_transport(group, {.connect_patience = outage.peer_timeout}),
                  .memory = memory,
                  .node_of_rank = node_of_rank,
                  .rank = group.rank(),
                  .incarnation = 7,
                  .metrics = std::make_shared<Metrics>(),
                  .timeout = timeout,
                  .patience = outage.peer_timeout,
                  .lost_node_peers = [] { return std::vector<int>(); },
                  .progress = {}});
    connector_ = open_distributed(memory, links_);
  }

  void live() {
    if (group_.rank() % outage_.ranks_per_host == 0) {
      EXPECT_TRUE(tests::put(*connector_, store, name_at(host_), tests::pattern(1, 64)));
    }
    group_.barrier();
    if (group_.rank() == 0) {
      const auto reply = ask(silent_host, timeout);  // the others reach it only when it is silent
      EXPECT_TRUE(reply) << "before the outage: " << (reply ? "" : reply.error().text());
    }
    group_.barrier();
    ++board_.ready;
    while (!board_.cut) {
      links_->client()->pause(5ms);
    }
    const auto until = Clock::now() + (outage_.ends() ? outage_.lasts : 3 * outage_.peer_timeout);
    std::thread other([&] { ask_silent(until); });
    ask_healthy(until);
    other.join();
    if (outage_.ends()) {
      expect_recovery();
    } else {
      expect_lost();
    }
    close();
  }

 private:
  // A name whose home is that host.
  [[nodiscard]] std::string name_at(int host) const {
    for (int number = 0;; ++number) {
      std::string name = "name " + std::to_string(number);
      if (links_->client()->nodes().home(store, name_hash(store, name)) == host) {
        return name;
      }
    }
  }

  Result<ObjectView> ask(int host, milliseconds within) {
    const auto began = Clock::now();
    auto reply = connector_->get(Address(store, name_at(host)), within);
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    EXPECT_LT(took.count(), (within + slack).count()) << "a call with a deadline, to host " << host;
    return reply;
  }

  void ask_healthy(Clock::time_point until) {
    const int host = is_well_ ? 1 - host_ : host_ - 1;
    while (Clock::now() < until) {
      const auto reply = ask(host, timeout);
      EXPECT_TRUE(reply || !is_well_) << "between healthy hosts: " << (reply ? "" : reply.error().text());
      links_->client()->pause(2ms);
    }
  }

  void ask_silent(Clock::time_point until) {
    bool replies = true;
    while (Clock::now() < until) {
      const auto reply = ask(is_well_ ? silent_host : 0, deadline);
      replies = reply.has_value();
      if (!replies) {
        EXPECT_TRUE(is_silence(reply.error())) << reply.error().text();
      }
      links_->client()->pause(20ms);
    }
    EXPECT_TRUE(!replies || outage_.ends()) << "it was not silent";
  }

  static bool is_silence(const Error& error) {
    return error.code() == Errc::timeout || error.code() == Errc::peer_lost;
  }

  // All ranks of the silent host that were asked are lost, and no healthy one is.
  void expect_lost() {
    const int host = is_well_ ? silent_host : 0;
    const auto until = Clock::now() + 2 * outage_.peer_timeout + slack;
    auto reply = ask(host, timeout);
    while (!reply && reply.error().code() == Errc::timeout && Clock::now() < until) {
      reply = ask(host, timeout);
    }
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code(), Errc::peer_lost);
    for (const int rank : links_->lost_elsewhere()) {
      EXPECT_TRUE(!is_well_ || rank / outage_.ranks_per_host == silent_host)
          << "rank " << rank << " is healthy and counts as lost";
    }
  }

  // As without the outage.
  void expect_recovery() {
    while (!board_.whole) {
      links_->client()->pause(5ms);
    }
    const int host = is_well_ ? silent_host : 0;
    const auto until = Clock::now() + recovery;
    auto reply = ask(host, timeout);
    while (!reply && reply.error().code() == Errc::timeout && Clock::now() < until) {
      reply = ask(host, timeout);
    }
    if (board_.too_long) {
      return;
    }
    EXPECT_TRUE(reply) << "after the outage: " << (reply ? "" : reply.error().text());
    EXPECT_EQ(links_->lost_elsewhere(), std::vector<int>());
  }

  void close() {
    group_.barrier();
    const auto began = Clock::now();
    links_->close();
    connector_.reset();
    links_.reset();
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    EXPECT_LT(took.count(), longest_close.count()) << "closing";
    group_.barrier();
  }

  Group& group_;
  const Outage outage_;
  Board& board_;
  const int host_;
  const bool is_well_;
  shm::Node node_;
  std::shared_ptr<Links> links_;
  std::shared_ptr<Connector> connector_;
};

/// Makes a process of the test end with its parent, however that ends.
void end_with_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

std::string run_on_hosts(const Outage& outage) {
  end_with_parent();
  tests::Hosts network(hosts);
  void* const memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Board& board = *new (memory) Board;
  const int ranks = hosts * outage.ranks_per_host;
  auto children = tests::start_group(ranks, [&](Group& group) {
    end_with_parent();
    network.enter(group.rank() / outage.ranks_per_host);
    ::setenv("UCX_NET_DEVICES", "host", 1);
    ::setenv("UCX_TLS", "tcp,self", 1);
    HostRank(group, outage, board).live();
    return std::string();
  });
  const auto latest = Clock::now() + 30s;
  while (board.ready != ranks && Clock::now() < latest) {
    std::this_thread::sleep_for(1ms);
  }
  network.set(silent_host, outage.link);
  board.cut = true;
  if (outage.ends()) {
    const auto end = Clock::now() + outage.lasts;
    std::this_thread::sleep_until(end);  // the outage
    network.set(silent_host, Link::whole);
    // A busy kernel forwards packets to a device only seconds after that is up.
    const bool is_whole = network.reaches(silent_host, 0);
    board.too_long = !is_whole || Clock::now() > end + 500ms;
    if (board.too_long) {
      std::cout << "not judged, because the outage lasted too long: " << std::flush;
    }
    board.whole = true;
  }
  for (std::size_t rank = 0; rank < children.size(); ++rank) {
    const tests::Ending ending = children[rank].wait();
    EXPECT_EQ(ending.exit_code, 0) << "rank " << rank << ": " << ending.said << " (signal " << ending.signal
                                   << ')';
  }
  return {};
}

void run(const Outage& outage) {
  SCOPED_TRACE(testing::Message() << outage);
  const auto began = Clock::now();
  const tests::Ending ending = tests::Child([&] { return run_on_hosts(outage); }).wait();
  EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
  std::cout << outage << ": " << std::chrono::duration_cast<milliseconds>(Clock::now() - began).count()
            << " ms\n"
            << std::flush;
}

class UcxSilence : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = tests::why_no_hosts()) {
      GTEST_SKIP() << *reason;
    }
  }
  /// LOCUM_SILENCES=1: all outages, in some minutes.
  static bool all() { return std::getenv("LOCUM_SILENCES") != nullptr; }
};

TEST_F(UcxSilence, OfAHostForEver) {
  run({.ranks_per_host = 2, .link = Link::cut});
  run({.ranks_per_host = 1, .link = Link::receives_only});
  run({.ranks_per_host = 1, .link = Link::sends_only});
  if (all()) {
    for (const int ranks : {1, 2}) {
      for (const Link link : {Link::cut, Link::receives_only, Link::sends_only, Link::down}) {
        run({.ranks_per_host = ranks, .link = link});
        run({.ranks_per_host = ranks, .link = link, .peer_timeout = 5s});
      }
    }
  }
}

// Short enough for TCP to retransmit within the patience of waiting ranks. After three seconds without the
// host's link address the kernel ends pending connections: these are retried.
TEST_F(UcxSilence, OfAHostForAWhile) {
  run({.ranks_per_host = 2, .link = Link::down, .lasts = 3500ms, .peer_timeout = 8s});
  run({.ranks_per_host = 1, .link = Link::cut, .lasts = 1s, .peer_timeout = 5s});
  if (all()) {
    for (const int ranks : {1, 2}) {
      run({.ranks_per_host = ranks, .link = Link::down, .lasts = 2s, .peer_timeout = 5s});
      for (const Link link : {Link::cut, Link::receives_only, Link::sends_only}) {
        run({.ranks_per_host = ranks, .link = link, .lasts = 1s, .peer_timeout = 5s});
        run({.ranks_per_host = ranks, .link = link, .lasts = 2s, .peer_timeout = 5s});
        run({.ranks_per_host = ranks, .link = link, .lasts = 3500ms, .peer_timeout = 8s});
      }
    }
  }
}

}  // namespace
}  // namespace locum::ucx::silence_test
