#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum {

/// What batch() does with the elements that are left at the end, fewer than a batch.
enum class LastBatch : std::uint8_t { keep, drop };

namespace detail::stages {

/// take(), skip() and split(): of the elements, numbered from 0 in this stage, passes on those from `first`
/// to before `end` whose distance from `first` is a multiple of `step`.
template <class S>
class SliceStage {
 public:
  using Value = typename S::Value;
  using Position = typename S::Position;

  SliceStage(S upstream, std::uint64_t first, std::uint64_t end, std::uint64_t step)
      : upstream_(std::move(upstream)), first_(first), end_(end), step_(step) {}

  [[nodiscard]] PulledFrom<S> pull(Moment moment) {
    while (number_ < end_) {
      auto from = upstream_.pull(moment);
      if (from.kind != Pull::element) {
        return from;
      }
      last_ = from.place;
      const std::uint64_t number = number_++;
      if (number >= first_ && (number - first_) % step_ == 0) {
        return from;
      }
    }
    return pulled_end<Value>(last_);
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() {
    number_ = 0;
    last_ = {};
    return upstream_.rewind();
  }

 private:
  S upstream_;
  const std::uint64_t first_;
  const std::uint64_t end_;
  const std::uint64_t step_;
  std::uint64_t number_ = 0;
  Place<Position> last_;
};

/// batch(): vectors of n elements.
template <class S>
class BatchStage {
 public:
  using Value = std::vector<typename S::Value>;
  using Position = typename S::Position;

  BatchStage(S upstream, std::size_t size, LastBatch last)
      : upstream_(std::move(upstream)), size_(size), last_(last) {}

  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    while (elements_.size() < size_) {
      auto from = upstream_.pull(moment);
      if (from.kind == Pull::end && !elements_.empty() && last_ == LastBatch::keep) {
        break;  // the next call pulls the end again
      }
      if (from.kind != Pull::element) {
        return passed_on<Value>(std::move(from));
      }
      if (elements_.empty()) {
        place_.first = from.place.first;
      }
      place_.after = std::move(from.place.after);
      place_.is_whole = from.place.is_whole;
      elements_.push_back(std::move(*from.value));
    }
    return pulled_element<Value>(std::exchange(elements_, {}), place_);
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() {
    elements_.clear();
    return upstream_.rewind();
  }

 private:
  S upstream_;
  std::size_t size_;
  LastBatch last_;
  Value elements_;
  Place<Position> place_;
};

/// shuffle(): holds up to `size` elements, and passes on any of them, each equally likely. The numbers are
/// those of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): a seed
/// gives the same order on every machine.
template <class S>
class ShuffleStage {
 public:
  using Value = typename S::Value;
  using Position = typename S::Position;

  ShuffleStage(S upstream, std::size_t size, std::uint64_t seed)
      : upstream_(std::move(upstream)), size_(size), state_(seed) {}

  [[nodiscard]] PulledFrom<S> pull(Moment moment) {
    while (!has_ended_ && held_.size() < size_) {
      auto from = upstream_.pull(moment);
      if (from.kind == Pull::element) {
        held_.push_back(std::move(from));
      } else if (from.kind == Pull::end) {
        has_ended_ = true;
        end_ = std::move(from.place);
      } else {
        return from;
      }
    }
    if (held_.empty()) {
      return pulled_end<Value>(end_);
    }
    std::swap(held_[below(held_.size())], held_.back());
    PulledFrom<S> one = std::move(held_.back());
    held_.pop_back();
    return one;
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  /// The next pass has another order, which depends on the seed alone, too.
  [[nodiscard]] Result<void> rewind() {
    held_.clear();
    has_ended_ = false;
    return upstream_.rewind();
  }

 private:
  [[nodiscard]] std::uint64_t draw() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }
  // Numbers at the top of the range would make the low remainders likelier: they are drawn again.
  [[nodiscard]] std::size_t below(std::uint64_t count) noexcept {
    const std::uint64_t surplus = (0 - count) % count;
    std::uint64_t number = draw();
    while (number < surplus) {
      number = draw();
    }
    return static_cast<std::size_t>(number % count);
  }

  S upstream_;
  std::size_t size_;
  std::uint64_t state_;
  std::vector<PulledFrom<S>> held_;
  bool has_ended_ = false;
  Place<Position> end_;
};

}  // namespace detail::stages
}  // namespace locum
