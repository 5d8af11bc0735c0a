#include "core/object/received_block.hpp"

#include <algorithm>
#include <utility>

#include "core/base/warm_memory.hpp"
#include "core/object/object_tail.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

constexpr std::uint64_t least_alignment = 64;
constexpr std::uint64_t most_alignment = 4096;

}  // namespace

// The size is a multiple of the elements' alignment: its lowest bit bounds that.
std::uint64_t ReceivedBlock::alignment_of(std::uint64_t size_bytes) noexcept {
  return std::clamp(size_bytes & (~size_bytes + 1), least_alignment, most_alignment);
}

std::shared_ptr<ReceivedBlock> ReceivedBlock::make(std::uint64_t block_bytes, std::uint64_t size_bytes) {
  const std::uint64_t alignment = alignment_of(size_bytes);
  decltype(own_) own(WarmMemory::of_process().take(block_bytes, alignment), {block_bytes, alignment});
  if (!own) {
    return nullptr;
  }
  auto made = std::make_shared<ReceivedBlock>(std::span(own.get(), block_bytes));
  made->own_ = std::move(own);
  return made;
}

ReceivedBlock::ReceivedBlock(std::span<std::byte> memory) noexcept : memory_(memory), block_(memory) {}

ReceivedBlock::ReceivedBlock(ObjectView holder, std::span<const std::byte> block) noexcept
    : holder_(std::move(holder)), block_(block) {}

Result<void> ReceivedBlock::check(std::span<const std::byte> block, const ObjectWire& wire, bool summed) {
  if (!plausible(wire) || wire.record.block_bytes() != block.size()) {
    return Error(Errc::corrupt, "the received object has another size than in its metadata; get it again");
  }
  if (wire.record.has_checksum() && !summed) {
    std::uint32_t sealed = 0;
    std::memcpy(&sealed, block.data() + checksum_at(wire.record), sizeof sealed);
    const std::uint32_t found = checksum_of(block.data(), wire.record);
    if (found != sealed) {
      return Error(Errc::corrupt, wrong_checksum(found, sealed)).about(to_string(wire.key));
    }
  }
  if (!facts_of({0, wire.key, &wire.record, wire.generation}, block.data()).whole) {
    return other_object_received().about(to_string(wire.key));
  }
  return {};
}

Result<ObjectView> ReceivedBlock::view(std::shared_ptr<ReceivedBlock> held, const ObjectWire& wire, Path path,
                                       bool summed) {
  if (auto right = check(held->block_, wire, summed); !right) {
    return right.error();
  }
  ReceivedBlock& object = *held;
  object.wire_ = wire;
  object.path_ = path;
  object.begin_view(std::move(held));
  return Result<ObjectView>(std::in_place, object, 0, wire.key, object.block_.first(wire.record.size_bytes),
                            wire.record.type_hash);
}

ObjectFacts ReceivedBlock::describe(std::uint64_t /*pin*/) const {
  return facts_of({0, wire_.key, &wire_.record, wire_.generation}, block_.data());
}

std::uint64_t ReceivedBlock::expires_ns(std::uint64_t /*pin*/) const noexcept {
  return expiry_of(block_.data(), wire_.record);
}

void ReceivedBlock::Free::operator()(std::byte* block) const noexcept {
  WarmMemory::of_process().give_back(block, bytes, alignment);
}

}  // namespace locum
