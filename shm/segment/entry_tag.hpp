#pragma once

#include <cstdint>

#include "shm/segment/layout.hpp"

/// The fields of an entry's tag, a serial and a pin's id, and the number of entries.
namespace locum::shm {

/// Its top bit, which is that of serials, is reserved for the keys of promises (see promised_bit).
inline constexpr std::uint32_t last_sequence = ~0U >> 1U;
/// A tombstone's tag holds node rank + 1 in 24 bits.
inline constexpr std::uint32_t most_ranks = (1U << 24U) - 1;

constexpr std::uint64_t tag_of(std::uint64_t sequence, EntryState state) noexcept {
  return (sequence << 32U) | static_cast<std::uint64_t>(state);
}
/// The tag of a tombstone made by the process with this node rank.
constexpr std::uint64_t tombstone_tag(std::uint64_t sequence, std::uint32_t by) noexcept {
  return tag_of(sequence, EntryState::tombstone) | (std::uint64_t{by} + 1) << 8U;
}
/// The tag of an object that the process with this node rank brings back from disk.
constexpr std::uint64_t returning_tag(std::uint64_t sequence, std::uint32_t by) noexcept {
  return tag_of(sequence, EntryState::returning) | (std::uint64_t{by} + 1) << 8U;
}
/// `Share::entries` of the process with this node rank: the number of slots in the lower half, a check value
/// of number and rank in the upper one. A stray store creates such a word with a probability of one in four
/// thousand million; another share's word is not valid here.
constexpr std::uint64_t entries_word(std::uint32_t slots, std::uint32_t node_rank) noexcept {
  const std::uint64_t mixed =
      ((std::uint64_t{node_rank} + 1) << 32U | slots) * std::uint64_t{0x9E3779B97F4A7C15};
  return (mixed >> 32U << 32U) | slots;
}
constexpr std::uint64_t sequence_of(std::uint64_t word) noexcept {
  return word >> 32U;
}
constexpr EntryState state_of(std::uint64_t tag) noexcept {
  return static_cast<EntryState>(tag & 0xFFU);
}
/// Whether a state is that of an object that exists, wherever its payload is.
constexpr bool is_sealed(EntryState state) noexcept {
  return state == EntryState::live || (state >= EntryState::moving && state <= EntryState::returning);
}
constexpr bool tombstoned_by(std::uint64_t tag, std::uint32_t node_rank) noexcept {
  return tag == tombstone_tag(sequence_of(tag), node_rank);
}
constexpr bool returned_by(std::uint64_t tag, std::uint32_t node_rank) noexcept {
  return tag == returning_tag(sequence_of(tag), node_rank);
}
constexpr std::uint32_t slot_of(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word);
}

}  // namespace locum::shm
