#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/detail/pipeline/source_stage.hpp>
#include <locum/result.hpp>

namespace locum::detail::stages {

/// interleave(): elements that are ranges, up to `width` of them at a time, by turns. flatten() is that with
/// a width of 1.
template <class S>
class InterleaveStage {
  using R = typename S::Value;
  static_assert(std::ranges::input_range<R>,
                "locum: flatten() and interleave() need elements that are ranges");

 public:
  using Value = std::ranges::range_value_t<R>;
  using Position = typename S::Position;

  InterleaveStage(S upstream, std::size_t width) : upstream_(std::move(upstream)), width_(width) {}

  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    if (failure_) {
      return *std::exchange(failure_, std::nullopt);
    }
    while (!has_ended_ && open_.size() < width_) {
      auto from = upstream_.pull(moment);
      if (from.kind == Pull::end) {
        has_ended_ = true;
        end_ = std::move(from.place);
      } else if (from.kind != Pull::element) {
        return passed_on<Value>(std::move(from));
      } else if (auto failure = open(std::move(*from.value), std::move(from.place))) {
        return std::move(*failure);
      }
    }
    if (open_.empty()) {
      return pulled_end<Value>(end_);
    }
    turn_ = turn_ < open_.size() ? turn_ : 0;
    return advance(*open_[turn_]);
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() {
    open_.clear();
    turn_ = 0;
    has_ended_ = false;
    failure_.reset();
    return upstream_.rewind();
  }

 private:
  struct Inner {
    Inner(R&& from, Place<Position> of) : range(std::move(from)), place(std::move(of)) {}
    R range;
    Place<Position> place;
    std::optional<std::ranges::iterator_t<R>> at;
  };

  [[nodiscard]] static Pulled<Value, Position> failed(const Place<Position>& place) {
    return pulled_failure<Value>(failed_element(place.first, error_of_exception()), place);
  }

  [[nodiscard]] std::optional<Pulled<Value, Position>> open(R&& range, Place<Position> place) {
    auto inner = std::make_unique<Inner>(std::move(range), std::move(place));
    try {
      inner->at.emplace(std::ranges::begin(inner->range));
      if (*inner->at != std::ranges::end(inner->range)) {
        open_.push_back(std::move(inner));
      }
      return std::nullopt;
    } catch (...) {
      return failed(inner->place);
    }
  }

  [[nodiscard]] Pulled<Value, Position> advance(Inner& inner) {
    std::optional<Pulled<Value, Position>> one;
    try {
      one = pulled_element<Value>(element_at<R>(*inner.at), inner.place);
      ++*inner.at;
      one->place.is_whole = *inner.at == std::ranges::end(inner.range);
    } catch (...) {
      if (!one) {
        return failed(inner.place);
      }
      one->place.is_whole = false;
      failure_ = failed(inner.place);  // the element comes before
    }
    if (one->place.is_whole) {
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(turn_));  // the next has its turn
    } else {
      ++turn_;
    }
    return std::move(*one);
  }

  S upstream_;
  std::size_t width_;
  std::vector<std::unique_ptr<Inner>> open_;
  std::size_t turn_ = 0;
  bool has_ended_ = false;
  Place<Position> end_;
  std::optional<Pulled<Value, Position>> failure_;
};

}  // namespace locum::detail::stages
