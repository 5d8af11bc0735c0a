#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/object/object_tail.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "tests/core/collect_into.hpp"

namespace locum::tests {

/// One process of a node, for the contract tests of NodeTable and Directory, which simulate several processes
/// in one program: its own arena, table and directory over shared memory.
struct NodeProcess {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;

  /// An object whose payload is one word, published with a name (or none), not yet bound.
  /// `expires_ns`: of its tail; 0: it does not expire.
  [[nodiscard]] Result<Key> publish(std::uint32_t store, std::uint64_t word, std::string_view name = {},
                                    std::uint64_t expires_ns = 0) const {
    ObjectRecord record;
    record.size_bytes = sizeof word;
    record.store = store;
    record.name_bytes = name.size() & 0x1FFFFU;
    record.name_hash = name.empty() ? 0 : name_hash(store, name);
    record.extra_words = expires_ns != 0 ? ObjectRecord::expiry_words : 0;
    const auto block = arena->allocate(record.block_bytes());
    if (!block) {
      return block.error();
    }
    record.offset = block->offset;
    std::byte* const bytes = arena->data(record.offset);
    std::memcpy(bytes, &word, sizeof word);
    ObjectTail tail;
    tail.name = name;
    write_tail(bytes, record, tail);
    if (record.has_expiry()) {
      write_expiry(bytes, record, expires_ns);
    }
    return table->publish(record);
  }
  [[nodiscard]] std::uint64_t word(const Pin& pin) const {
    std::uint64_t value = 0;
    std::memcpy(&value, arena->data(pin.record->offset), sizeof value);
    return value;
  }
  /// The words of the objects that this process collected; their blocks are then free.
  [[nodiscard]] std::vector<std::uint64_t> collect(Effort effort, Owned* owned = nullptr) const {
    std::vector<ObjectRecord> dead;
    const Owned left = collect_into(*table, dead, effort);
    if (owned != nullptr) {
      *owned = left;
    }
    std::vector<std::uint64_t> words;
    for (const ObjectRecord& record : dead) {
      words.push_back(word(Pin{.id = 0, .key = {}, .record = &record, .generation = 0}));
      arena->free({record.offset, record.block_bytes()});
    }
    return words;
  }
};

/// Makes a new node of that many processes, without objects.
struct NodeMaker {
  std::string name;
  std::function<std::vector<NodeProcess>(std::uint32_t processes)> make;

  friend std::ostream& operator<<(std::ostream& out, const NodeMaker& maker) { return out << maker.name; }
};

/// The error code; `Errc{}` for none.
template <class T>
[[nodiscard]] Errc errc_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

}  // namespace locum::tests
