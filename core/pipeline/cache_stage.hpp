#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum {

/// A bound of a stage in bytes of its elements.
struct ByteBound {
  std::uint64_t bytes = 0;
};

/// Returns the bytes of an element where the library can tell: of trivially copyable types, and of ranges of
/// these, nested or not. The size function that bounds in bytes use by default.
struct SizeOfElement {
  template <class T>
  [[nodiscard]] std::uint64_t operator()(const T& element) const {
    if constexpr (std::ranges::input_range<const T&> && !std::is_trivially_copyable_v<T>) {
      std::uint64_t bytes = sizeof(T);
      using E = std::ranges::range_value_t<const T&>;
      if constexpr (std::is_trivially_copyable_v<E> && std::ranges::sized_range<const T&>) {
        return bytes + std::ranges::size(element) * sizeof(E);
      } else {
        for (const auto& one : element) {
          bytes += (*this)(one);
        }
        return bytes;
      }
    } else {
      static_assert(std::is_trivially_copyable_v<T>,
                    "locum: the size of this type of elements is not known; pass a function that returns "
                    "the bytes of one");
      return sizeof(T);
    }
  }
};

namespace detail::stages {

/// cache(): keeps the elements; passes after a rewind() read these, and pull only what no pass has pulled.
template <class S, class Size>
class CacheStage {
 public:
  using Value = typename S::Value;
  using Position = typename S::Position;
  static_assert(std::is_copy_constructible_v<Value>,
                "locum: cache() returns copies, and needs elements that can be copied");

  CacheStage(S upstream, std::uint64_t most_bytes, Size size)
      : upstream_(std::move(upstream)), size_(std::move(size)), most_bytes_(most_bytes) {}

  [[nodiscard]] PulledFrom<S> pull(Moment moment) {
    if (at_ < kept_.size()) {
      return kept_[at_++];
    }
    if (has_ended_) {
      return pulled_end<Value>(end_);
    }
    auto from = upstream_.pull(moment);
    if (from.kind == Pull::end) {
      has_ended_ = true;
      end_ = from.place;
    } else if (from.kind == Pull::element) {
      const std::uint64_t bytes = size_(std::as_const(*from.value));
      if (bytes > most_bytes_ - bytes_) {
        return pulled_failure<Value>(cache_full(most_bytes_), std::move(from.place));
      }
      kept_.push_back(from);
      bytes_ += bytes;
      ++at_;
    }
    return from;
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() {
    at_ = 0;
    return {};
  }

 private:
  S upstream_;
  Size size_;
  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  std::vector<PulledFrom<S>> kept_;
  std::size_t at_ = 0;
  bool has_ended_ = false;
  Place<Position> end_;
};

}  // namespace detail::stages
}  // namespace locum
