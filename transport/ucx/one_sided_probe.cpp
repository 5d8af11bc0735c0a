#include "transport/ucx/one_sided_probe.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "core/base/background_thread.hpp"
#include "transport/ucx/remote_key.hpp"

namespace locum::ucx {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t probed_bytes = 4096;
constexpr auto connecting = 1s;
// Longer than any network takes for a page.
constexpr auto patience = 50ms;

std::byte value_of(int rank) {
  return static_cast<std::byte>(1 + rank % 255);
}

}  // namespace

/// Makes progress in the background during its lifetime.
class OneSidedProbe::Mover {
 public:
  explicit Mover(UcxTransport& transport)
      : started_(thread_.start("locum probe", [this, &transport] {
          while (!ended_.load(std::memory_order_acquire)) {
            if (!transport.drive_once()) {
              std::this_thread::sleep_for(100us);
            }
          }
        })) {}
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;
  ~Mover() { ended_.store(true, std::memory_order_release); }

  /// Whether there is a thread for it.
  [[nodiscard]] bool moves() const noexcept { return started_.has_value(); }

 private:
  std::atomic<bool> ended_{false};
  BackgroundThread thread_;
  const Result<void> started_;
};

OneSidedProbe::OneSidedProbe(Group& group, std::shared_ptr<UcxTransport> transport)
    : group_(group), transport_(std::move(transport)) {
  std::vector<int> node_of_rank = group.node_of_rank();
  if (std::ranges::max(node_of_rank) == 0) {
    for (int rank = 0; rank < group.size(); ++rank) {
      node_of_rank[static_cast<std::size_t>(rank)] = rank;
    }
  }
  const int nodes = std::ranges::max(node_of_rank) + 1;
  const int own = node_of_rank[static_cast<std::size_t>(group.rank())];
  first_ = own % 2 == 0;
  const int other = first_ && own + 1 < nodes ? own + 1 : own - 1;
  std::vector<int> candidates;
  for (int rank = 0; rank < group.size(); ++rank) {
    if (node_of_rank[static_cast<std::size_t>(rank)] == other) {
      candidates.push_back(rank);
    }
  }
  if (!candidates.empty()) {
    partner_ = candidates[static_cast<std::size_t>(group.rank()) % candidates.size()];
    connect();
  }
  meet_moving();
}

// Both ends have to make progress to connect.
void OneSidedProbe::connect() {
  UcxTransport::Peer& peer = transport_->peer(partner_);
  transport_->connect(peer);
  transport_->drive_until(Transport::Clock::now() + connecting,
                          [&peer] { return peer.state != UcxTransport::Peer::State::connecting; });
}

void OneSidedProbe::meet_moving() {
  const Mover mover(*transport_);
  moves_ = moves_ && mover.moves();  // the others must not wait for a rank without a thread
  group_.barrier();
}

bool OneSidedProbe::all(bool mine) {
  const std::array<std::byte, 1> said{mine ? std::byte{1} : std::byte{0}};
  const auto everybody = group_.all_gather(said);
  return std::ranges::all_of(everybody, [](std::byte one) { return one != std::byte{0}; });
}

bool OneSidedProbe::registers_for_others() const {
  alignas(64) static std::array<std::byte, 2 * probed_bytes> memory{};
  std::vector<std::vector<std::byte>> keys;
  for (const std::size_t half : {0U, 1U}) {
    const auto handle = MemoryHandle::over(transport_->context_,
                                           std::span(memory).subspan(half * probed_bytes, probed_bytes));
    keys.push_back(handle ? pack_key(transport_->context_, *handle) : std::vector<std::byte>());
  }
  return !keys[0].empty() && !std::ranges::equal(keys[0], keys[1]);
}

// Whether the page arrived before the timeout was over.
bool OneSidedProbe::read(UcxRemoteMemory& remote, const RemoteKey& key,
                         const std::shared_ptr<std::vector<std::byte>>& into,
                         Transport::Clock::duration timeout) {
  UcxTransport::Peer& peer = transport_->peer(partner_);
  const auto begun = remote.get(partner_, key, 0, *into, [into](const Result<void>&) {});
  transport_->drive_until(Transport::Clock::now() + timeout, [&peer] { return peer.reads == 0; });
  return begun && peer.reads == 0;
}

bool OneSidedProbe::reads(UcxRemoteMemory& remote, std::span<std::byte> memory) {
  const std::span<std::byte> page = memory.first(std::min(memory.size(), probed_bytes));
  std::ranges::fill(page, value_of(group_.rank()));
  const auto exposure = page.empty() ? Result<RemoteMemory::Exposure>(Error(Errc::unsupported, "nothing"))
                                     : remote.expose(page);
  if (!all(exposure.has_value() && partner_ >= 0)) {
    return false;
  }
  std::array<std::byte, 1 + RemoteKey::max_bytes> said{};
  const auto key = exposure->key.bytes();
  said[0] = static_cast<std::byte>(key.size() - 1);
  std::ranges::copy(key, said.begin() + 1);
  const auto everybody = group_.all_gather(said);
  const auto partners =
      std::span(everybody).subspan(static_cast<std::size_t>(partner_) * said.size(), said.size());
  const RemoteKey opens(partners.subspan(1, std::to_integer<std::size_t>(partners[0]) + 1));

  // Once while both make progress: UCX exchanges data before the first read of a connection.
  const auto into = std::make_shared<std::vector<std::byte>>(page.size());
  const bool prepared = read(remote, opens, into, connecting);
  meet_moving();
  bool came = false;
  for (const bool first : {true, false}) {
    if (first == first_) {
      std::ranges::fill(*into, std::byte{0});
      came = prepared && read(remote, opens, into, patience) &&
             std::ranges::all_of(*into, [this](std::byte one) { return one == value_of(partner_); });
    }
    group_.barrier();  // without progress
  }
  // Reads that need the owner's help complete now.
  if (transport_->peer(partner_).reads != 0) {
    transport_->drive_until(Transport::Clock::now() + connecting,
                            [this] { return transport_->peer(partner_).reads == 0; });
  }
  meet_moving();
  remote.withdraw(exposure->number);
  return all(came && moves_);
}

}  // namespace locum::ucx
