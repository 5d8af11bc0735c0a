#include "core/copies/fenced_nodes.hpp"

#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/object/internal_stores.hpp"

namespace locum {

namespace {

constexpr std::string_view fence_type_name = "locum::fence";
// Clocks of two machines run at different speeds: a lease may last this much longer where it is held.
constexpr int most_drift = 64;

std::string_view name_of(const std::uint32_t& node) {
  return {reinterpret_cast<const char*>(&node), sizeof node};
}

}  // namespace

FencedNodes::FencedNodes(NodeMemory local, std::shared_ptr<Connector> objects,
                         std::shared_ptr<const RpcChannel> channel, int nodes, Clock::duration lease)
    : local_(std::move(local)),
      objects_(std::move(objects)),
      channel_(std::move(channel)),
      term_(lease + lease / most_drift),
      seen_(static_cast<std::size_t>(nodes)) {}

// Not 0: a fence exists.
Result<std::uint64_t> FencedNodes::look(int node) const {
  const auto number = static_cast<std::uint32_t>(node);
  return local_.directory->generation(name_hash(fences_store, name_of(number)), channel_->budget());
}

bool FencedNodes::has(int node) const {
  const auto fence = look(node);
  return !fence || *fence != 0;
}

FencedNodes::Fence FencedNodes::fence(int node) {
  auto& seen = seen_[static_cast<std::size_t>(node)];
  if (!seen) {
    if (const auto known = look(node); (!known || *known == 0) && !note(node)) {
      return Fence::open;
    }
    // A thread that grants a lease after this moment sees the fence: propagation between cores takes a small
    // part of the difference between term and lease.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    seen = channel_->now();
  }
  return channel_->now() - *seen < term_ ? Fence::closing : Fence::shut;
}

// Whether it exists afterwards.
bool FencedNodes::note(int node) {
  const auto number = static_cast<std::uint32_t>(node);
  const ObjectMeta meta{.store = fences_store,
                        .type_hash = text_hash(fence_type_name),
                        .type_name = fence_type_name,
                        .name = name_of(number),
                        .extents = {}};
  const auto draft = objects_->create(sizeof number, meta, channel_->budget());
  if (!draft) {
    return false;
  }
  std::memcpy(draft->bytes.data(), &number, sizeof number);
  const auto sealed = objects_->seal(*draft, {}, channel_->budget());
  return sealed || sealed.error().code() == Errc::key_exists;
}

}  // namespace locum
