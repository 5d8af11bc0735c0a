#pragma once

#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum {

namespace detail::stages {

template <class R>
inline constexpr bool is_result_of_optional = false;
template <class T>
inline constexpr bool is_result_of_optional<Result<std::optional<T>>> = true;
template <class R>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class R>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

}  // namespace detail::stages

/// A source of a pipeline: a class with
///
///     Result<std::optional<T>> next(Deadline deadline);  // nothing: the end
///
/// called by one thread at a time, not always the same. It returns `timeout` if no element comes before the
/// deadline, and is then asked again; any other error ends the pipeline. A source may also have
///
///     Position position() const;   // behind the element that next() returned last; default-constructible
///     void cancel() noexcept;      // called by any thread, and when the pipeline ends: next() returns soon
///     Result<void> rewind();       // begins again
///
/// Without cancel(), the end of a pipeline with prefetch() or async_map() may wait one second for next().
template <class S>
concept PipelineSource = requires(S& source, Deadline deadline) {
  source.next(deadline);
} && detail::stages::is_result_of_optional<decltype(std::declval<S&>().next(std::declval<Deadline>()))>;

namespace detail::stages {

template <class S>
concept HasPosition = requires(const S& source) { source.position(); } &&
                      !is_result<std::remove_cvref_t<decltype(std::declval<const S&>().position())>>;

template <class S>
struct PositionOf {
  using Type = std::uint64_t;
};
template <HasPosition S>
struct PositionOf<S> {
  using Type = std::remove_cvref_t<decltype(std::declval<const S&>().position())>;
};

/// The stage of a source. \tparam Source a reference if the program keeps it
template <class Source>
class SourceStage {
  using Plain = std::remove_reference_t<Source>;
  using Made = decltype(std::declval<Plain&>().next(std::declval<Deadline>()));

 public:
  using Value = typename Made::value_type::value_type;
  using Position = typename PositionOf<Plain>::Type;

  explicit SourceStage(Source&& source) : source_(std::forward<Source>(source)) {}

  [[nodiscard]] Position position() const {
    if constexpr (HasPosition<Plain>) {
      return source_.position();
    } else {
      return number_;
    }
  }

  // Stages that leave out or collect elements call this in a loop, and sources that never wait look at no
  // deadline.
  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    constexpr unsigned pulls_a_look = 64;
    if (*is_cancelled_ || (++pulls_ % pulls_a_look == 0 && Deadline::Clock::now() >= moment)) {
      return {};
    }
    try {
      Made made = source_.next(Deadline(moment));
      if (!made && made.error().code() == Errc::timeout && Deadline::Clock::now() >= moment) {
        return {};
      }
      if (!made) {
        return pulled_failure<Value>(failed_element(number_, made.error()), place());
      }
      if (!*made) {
        return pulled_end<Value>(place());
      }
      Place<Position> from = place();
      ++number_;
      from.after = position();
      return pulled_element<Value>(std::move(**made), std::move(from));
    } catch (...) {
      return pulled_failure<Value>(failed_element(number_, error_of_exception()),
                                   Place<Position>{number_, {}, true});
    }
  }
  void cancel() noexcept {
    *is_cancelled_ = true;
    if constexpr (requires { source_.cancel(); }) {
      source_.cancel();
    }
  }
  void close() noexcept {}
  [[nodiscard]] Result<void> rewind() {
    if constexpr (requires { source_.rewind(); }) {
      auto done = source_.rewind();
      number_ = done ? 0 : number_;
      return done;
    } else {
      return cannot_rewind();
    }
  }

 private:
  [[nodiscard]] Place<Position> place() const { return {number_, position(), true}; }

  Source source_;
  std::uint64_t number_ = 0;
  unsigned pulls_ = 0;
  std::unique_ptr<std::atomic<bool>> is_cancelled_ = std::make_unique<std::atomic<bool>>(false);
};

/// Returns the element of an iterator: moved out of a container that the pipeline owns, else copied.
template <class R, class I>
[[nodiscard]] std::ranges::range_value_t<R> element_at(I& at) {
  if constexpr (std::is_reference_v<R> || std::ranges::view<std::remove_cvref_t<R>>) {
    return std::ranges::range_value_t<R>(*at);
  } else {
    return std::ranges::range_value_t<R>(std::ranges::iter_move(at));
  }
}

/// A range as a source. \tparam R a reference if the program keeps it
template <class R>
class RangeSource {
  static constexpr bool is_kept = std::is_reference_v<R> || std::ranges::view<std::remove_cvref_t<R>>;

 public:
  using Value = std::ranges::range_value_t<R>;

  explicit RangeSource(R&& range) : state_(std::make_unique<State>(std::forward<R>(range))) {}

  [[nodiscard]] Result<std::optional<Value>> next(Deadline /*deadline*/) {
    State& state = *state_;
    if (!state.at) {
      state.at.emplace(std::ranges::begin(state.range));
    } else if (*state.at != std::ranges::end(state.range)) {
      ++*state.at;  // not before it is needed: that may read
    }
    if (*state.at == std::ranges::end(state.range)) {
      return std::optional<Value>();
    }
    return std::optional<Value>(element_at<R>(*state.at));
  }
  [[nodiscard]] Result<void> rewind()
    requires(is_kept && std::ranges::forward_range<R>)
  {
    state_->at.reset();
    return {};
  }

 private:
  struct State {
    explicit State(R&& from) : range(std::forward<R>(from)) {}
    R range;
    std::optional<std::ranges::iterator_t<R>> at;
  };

  std::unique_ptr<State> state_;  ///< iterators stay valid when this moves
};

/// A function that returns a std::optional<T>, or a Result of one, as a source.
template <class F>
class GeneratorSource {
  using Made = std::invoke_result_t<F&>;
  static_assert(is_optional<Made> || is_result_of_optional<Made>,
                "locum: a pipeline takes a range, a source with next(Deadline), or a function that returns a "
                "std::optional or a Result of one");

 public:
  explicit GeneratorSource(F function) : function_(std::move(function)) {}

  [[nodiscard]] auto next(Deadline /*deadline*/) {
    if constexpr (is_optional<Made>) {
      return Result<Made>(function_());
    } else {
      return function_();
    }
  }

 private:
  F function_;
};

}  // namespace detail::stages
}  // namespace locum
