#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/rpc/batch_wire.hpp"
#include "core/rpc/message.hpp"

namespace locum {

/// The objects of one request, by their positions in the batch, and its target node.
struct BatchChunk {
  int node = 0;
  Kind kind = Kind::fetch_batch;
  std::vector<std::uint32_t> objects;
  std::size_t next = 0;  ///< the chunk to request after this one; 0: none
};

/// A batch split into chunks: each for one node and one kind of request, of at most 256 objects and no more
/// bytes than a request may have. Eight of one kind are requested at a time: while one reply is received, the
/// node makes the next. Used by one thread at a time.
class BatchChunks final {
 public:
  explicit BatchChunks(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  void reserve(std::size_t objects) { order_.reserve(objects); }
  /// Adds an object, which takes that many bytes of a request.
  void add(int node, Kind kind, std::uint32_t object, std::size_t bytes) {
    order_.push_back({node, kind, object, bytes});
  }
  /// Makes the chunks, once all objects have been added. Each is in the order of the batch.
  void plan() {
    const auto sort_of = [](const Wanted& each) { return std::tuple(each.node, each.kind, each.object); };
    if (!std::ranges::is_sorted(order_, {}, sort_of)) {
      std::ranges::sort(order_, {}, sort_of);
    }
    std::size_t of_sort = 0;
    std::size_t bytes = 0;
    for (const Wanted& each : order_) {
      const bool is_first =
          chunks_.empty() || chunks_.back().node != each.node || chunks_.back().kind != each.kind;
      if (is_first || chunks_.back().objects.size() == most_in_a_batch || bytes + each.bytes > most_bytes_) {
        of_sort = is_first ? 0 : of_sort + 1;
        bytes = 0;
        if (of_sort < most_under_way) {
          first_.push_back(chunks_.size());
        } else {
          chunks_[chunks_.size() - most_under_way].next = chunks_.size();
        }
        chunks_.push_back({.node = each.node, .kind = each.kind, .objects = {}});
      }
      chunks_.back().objects.push_back(each.object);
      bytes += each.bytes;
    }
    order_ = {};
  }
  /// The chunks to be requested at once.
  [[nodiscard]] const std::vector<std::size_t>& first() const noexcept { return first_; }
  [[nodiscard]] std::vector<BatchChunk>& all() noexcept { return chunks_; }
  [[nodiscard]] BatchChunk& operator[](std::size_t at) noexcept { return chunks_[at]; }

 private:
  static constexpr std::size_t most_under_way = 8;

  struct Wanted {
    int node = 0;
    Kind kind = Kind::fetch_batch;
    std::uint32_t object = 0;
    std::size_t bytes = 0;
  };

  const std::size_t most_bytes_;
  std::vector<Wanted> order_;
  std::vector<BatchChunk> chunks_;
  std::vector<std::size_t> first_;  ///< of these
};

}  // namespace locum
