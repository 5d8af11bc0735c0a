#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace locum::storage {

/// A value that a pickle describes. Small; what it refers to is in a PickleGraph.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,  ///< of 64 bits, two's complement
    natural,  ///< of 2^63 to 2^64 - 1
    real,     ///< its bits
    text,

    bytes,
    list,
    tuple,
    dict,    ///< its items: keys and values in turn
    global,  ///< a function or class: an index into the names that the reader knows
    call,    ///< its items: the function, and its arguments (a tuple)
    storage  ///< what is kept outside of the pickle; its item: the identifier
  };

  Kind kind = Kind::none;
  std::uint32_t size = 0;    ///< of a text, in bytes
  std::uint64_t number = 0;  ///< also the place of a text in the pickle, or the index of a node

  [[nodiscard]] bool is_node() const noexcept {
    return (kind >= Kind::list && kind <= Kind::dict) || kind == Kind::call || kind == Kind::storage;
  }
  [[nodiscard]] bool is_text() const noexcept { return kind == Kind::text; }
};

/// A value with items. Several values may refer to one node.
struct PickleNode {
  std::uint64_t at = 0;  ///< where it begins in the pickle
  std::vector<PickleValue> items;
};

/// The values of a pickle. Each node and each item comes from a byte of the pickle at least.
struct PickleGraph {
  std::string_view bytes;  ///< of the pickle
  std::vector<PickleNode> nodes;
  PickleValue root;

  /// Returns the bytes of a text. REQUIRES: it is of this pickle.
  [[nodiscard]] std::string_view text(const PickleValue& value) const noexcept {
    return bytes.substr(static_cast<std::size_t>(value.number), value.size);
  }
  [[nodiscard]] const PickleNode& node(const PickleValue& value) const noexcept {
    return nodes[static_cast<std::size_t>(value.number)];
  }
};

}  // namespace locum::storage
