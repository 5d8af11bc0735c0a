#include "core/steps/enclosed_blocks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "core/detail/representation.hpp"
#include "core/object/object_tail.hpp"
#include "core/object/object_wire.hpp"
#include "core/object/received_block.hpp"
#include "core/object/received_range.hpp"
#include "core/ports/connector.hpp"

namespace locum::detail {

namespace {

/// What the object of a record has besides: its name, type and numbers.
constexpr std::uint64_t around_a_record = 256;

std::uint64_t room_in(const StepRecord& step, std::uint64_t inline_bytes) {
  const auto bytes = stored_bytes(step);
  const std::uint64_t most = bytes_with_a_step(inline_bytes);
  const std::uint64_t alone = (bytes ? *bytes : most) + around_a_record;
  return alone < most ? most - alone : 0;
}

}  // namespace

// 80 KiB by default: 64 KiB of blocks, and what describes them.
std::uint32_t bytes_with_a_step(std::uint64_t inline_bytes) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(20 * inline_bytes, most_bytes_along));
}

void enclose_blocks(StepRecord& step, Connector& connector, int node, std::uint64_t inline_bytes) {
  std::uint64_t room = room_in(step, inline_bytes);
  for (std::size_t at = 0; at < step.blocks.size(); ++at) {
    const BlockRecord& block = step.blocks[at];
    const std::uint64_t needed = sizeof(EnclosedRecord) + block.size_bytes;
    if (block.node != node || needed > room) {
      continue;
    }
    const auto object = connector.get(Address(block.key), {});
    if (!object || object->bytes().size() != block.size_bytes) {
      continue;
    }
    const ObjectFacts facts = object->facts();
    if (!facts.whole || facts.type_name != step.variables[block.variable].type) {
      continue;
    }
    EnclosedRecord one{.at = step.enclosed_bytes.size(),
                       .block = static_cast<std::uint32_t>(at),
                       .element_bytes = facts.element_bytes,
                       .layout = static_cast<std::uint32_t>(facts.layout),
                       .rank = static_cast<std::uint32_t>(facts.extents.size())};
    std::ranges::copy(facts.extents.span(), one.extents.begin());
    step.enclosed_bytes.insert(step.enclosed_bytes.end(), object->bytes().begin(), object->bytes().end());
    step.enclosed.push_back(one);
    room -= needed;
  }
}

std::optional<ObjectView> enclosed_block(const StepRecord& step, const BlockRecord& block) {
  const EnclosedRecord* const one = find_enclosed(step, block);
  if (one == nullptr) {
    return std::nullopt;
  }
  // As of an object that another node has sent.
  const std::string& type = step.variables[block.variable].type;
  ObjectRecord record;
  record.size_bytes = block.size_bytes;
  record.type_hash = text_hash(type);
  record.layout = static_cast<Layout>(one->layout);
  ObjectTail tail;
  tail.element_bytes = one->element_bytes;
  tail.type_name = type;
  tail.extents.rank = static_cast<std::uint8_t>(one->rank);
  std::copy_n(one->extents.begin(), one->rank, tail.extents.values.begin());
  if (!is_whole(tail, record)) {
    return std::nullopt;
  }
  auto memory = ReceivedBlock::make(block.size_bytes, block.size_bytes);
  if (memory == nullptr) {
    return std::nullopt;
  }
  std::copy_n(step.enclosed_bytes.begin() + static_cast<std::ptrdiff_t>(one->at), block.size_bytes,
              memory->memory().begin());
  const ObjectFacts facts{.key = block.key,
                          .size_bytes = block.size_bytes,
                          .type_hash = record.type_hash,
                          .element_bytes = tail.element_bytes,
                          .layout = record.layout,
                          .extents = tail.extents,
                          .type_name = type,
                          .name = {}};
  return ReceivedRange::view(facts, std::move(memory), Path::inline_value);
}

}  // namespace locum::detail
