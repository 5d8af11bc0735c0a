#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/detail/pipeline/async_calls_stage.hpp>
#include <locum/detail/pipeline/cache_stage.hpp>
#include <locum/detail/pipeline/counting_stages.hpp>
#include <locum/detail/pipeline/function_stages.hpp>
#include <locum/detail/pipeline/interleave_stage.hpp>
#include <locum/detail/pipeline/lane_stage.hpp>
#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/detail/pipeline/source_stage.hpp>
#include <locum/detail/pipeline/tee_stage.hpp>
#include <locum/result.hpp>

namespace locum {

/// In which order async_map() gives its elements: that of the source, or as they are ready, so that a slow
/// element does not delay the others.
enum class Order : std::uint8_t { source, any };

/// Elements of a source on their way through stages to one consumer. Made by pipeline(); each stage takes the
/// pipeline and returns another one:
///
///     for (auto& batch : locum::pipeline(keys).async_map(read, 16).shuffle(1000, seed).batch(256)) …
///
/// Lazy: nothing is read before the first element is asked for, and then no more than the stages say that
/// they hold. Functions that return a `Result<U>` make elements U. A function that throws fails for its
/// element, as one that returns an error does: `std::bad_alloc` is `out_of_memory`, an Error is itself, other
/// exceptions are `system`. The error names the number of the element in the source, from 0.
///
/// An error ends the pipeline: next() returns it, then and later; a range-for throws it.
///
/// One thread at a time; cancel() any. The destructor cancels, and joins the threads of the stages: it waits
/// for functions that are being called, and drops their results. A pipeline that was begun before a fork
/// returns `closed` in the child.
template <class Stage>
class Pipeline {
 public:
  using Value = typename Stage::Value;
  using Position = typename Stage::Position;

  /// How long next() waits without a deadline, unless timeout() sets another time.
  static constexpr std::chrono::milliseconds default_timeout{30'000};
  /// Number of elements that prefetch() by bytes holds at most.
  static constexpr std::size_t most_prefetched = 1024;

  /// \cond library
  struct Settings {
    std::shared_ptr<detail::stages::PipelineLog> log = std::make_shared<detail::stages::PipelineLog>();
    ErrorPolicy policy;
    std::chrono::milliseconds timeout = default_timeout;
    const char* disorder = nullptr;  ///< the stage behind which there are no positions
    Position origin{};
  };
  Pipeline(Stage stage, Settings settings)
      : stage_(std::move(stage)), settings_(std::move(settings)), position_(settings_.origin) {}
  /// \endcond
  Pipeline(Pipeline&&) = default;
  Pipeline& operator=(Pipeline&&) = delete;
  ~Pipeline() { stop(); }

  // Settings

  /// Sets how functions of the stages that follow react to failures. Default: the pipeline ends.
  [[nodiscard]] Pipeline on_error(ErrorPolicy policy) && {
    settings_.policy = policy;
    return std::move(*this);
  }
  /// Sets how long next(), and with it the other ends, wait for one element.
  [[nodiscard]] Pipeline timeout(std::chrono::milliseconds timeout) && {
    settings_.timeout = timeout;
    return std::move(*this);
  }

  // Stages

  /// Calls `function(element)`, in the consumer's thread; its results are the elements.
  template <class F>
  [[nodiscard]] auto map(F function) && {
    return with(detail::stages::MapStage<Stage, F>(std::move(stage_), std::move(function), calls()));
  }
  /// As map(), for up to `depth` elements at a time. At most `depth` are in flight or wait for the consumer.
  ///
  /// A function that returns an AsyncResult is called in the consumer's thread; there are no threads.
  /// A function that blocks or computes is called by `depth` threads of this stage, at the same time:
  /// it has to allow that.
  template <class F>
  [[nodiscard]] auto async_map(F function, std::size_t depth, Order order = Order::source) && {
    namespace stages = detail::stages;
    stages::require_positive(depth, "the depth of async_map()");
    const char* const disorder = order == Order::any ? "async_map() in any order" : nullptr;
    using Called = std::remove_cvref_t<stages::CalledType<F, Value>>;
    if constexpr (stages::ElementMade<Called>::is_async) {
      return with(stages::AsyncCallsStage<Stage, F>(std::move(stage_), std::move(function), calls(), depth,
                                                    order == Order::source),
                  disorder);
    } else {
      return with(
          stages::LaneStage<Stage, stages::BlockingWork<F>, stages::NoSize>(
              std::move(stage_), stages::BlockingWork<F>{std::move(function), calls()}, {},
              {.depth = depth, .threads = depth, .keeps_order = order == Order::source}, settings_.log),
          disorder);
    }
  }
  /// Keeps the elements for which `function(const element&)` returns true.
  template <class F>
  [[nodiscard]] auto filter(F function) && {
    return with(detail::stages::FilterStage<Stage, F>(std::move(stage_), std::move(function), calls()));
  }
  /// Ends after `count` elements, and reads no more.
  [[nodiscard]] auto take(std::uint64_t count) && { return slice(0, count, 1); }
  /// Leaves out the first `count` elements.
  [[nodiscard]] auto skip(std::uint64_t count) && { return slice(count, all_elements, 1); }
  /// Keeps the elements whose number in this stage is `rank` modulo `size`: each belongs to one rank.
  /// Throws Error (`invalid_argument`) unless `rank` is less than `size`.
  [[nodiscard]] auto split(std::uint64_t rank, std::uint64_t size) && {
    detail::stages::require_rank(rank, size);
    return slice(rank, all_elements, size);
  }
  /// Makes vectors of `size` elements.
  [[nodiscard]] auto batch(std::size_t size, LastBatch last = LastBatch::keep) && {
    detail::stages::require_positive(size, "the size of batch()");
    return with(detail::stages::BatchStage<Stage>(std::move(stage_), size, last));
  }
  /// Passes elements on in an order that depends on `seed` alone; holds up to `size` elements.
  [[nodiscard]] auto shuffle(std::size_t size, std::uint64_t seed) && {
    detail::stages::require_positive(size, "the size of shuffle()");
    return with(detail::stages::ShuffleStage<Stage>(std::move(stage_), size, seed), "shuffle()");
  }
  /// Passes on the elements of elements, which are ranges.
  [[nodiscard]] auto flatten() && {
    return with(detail::stages::InterleaveStage<Stage>(std::move(stage_), 1));
  }
  /// As flatten(), of `width` ranges at a time, one element of each by turns.
  [[nodiscard]] auto interleave(std::size_t width) && {
    detail::stages::require_positive(width, "the width of interleave()");
    return with(detail::stages::InterleaveStage<Stage>(std::move(stage_), width), "interleave()");
  }
  /// Has a thread run the stages before this one, up to `count` elements ahead of the consumer.
  [[nodiscard]] auto prefetch(std::size_t count) && {
    detail::stages::require_positive(count, "the number of elements of prefetch()");
    return std::move(*this).ahead({.depth = count}, detail::stages::NoSize());
  }
  /// As prefetch(): reads no further element while those that wait have as many bytes as the bound, so that
  /// one may exceed it. Holds at most `most_prefetched` elements.
  /// `size(element)` returns the bytes of an element.
  template <class Size = SizeOfElement>
  [[nodiscard]] auto prefetch(ByteBound bound, Size size = {}) && {
    detail::stages::require_positive(bound.bytes, "the bytes of prefetch()");
    return std::move(*this).ahead({.depth = most_prefetched, .bytes = bound.bytes}, std::move(size));
  }
  /// Keeps copies of all elements, which later passes (see rewind()) read; `queue_full` if they need more
  /// bytes than the bound. `size(element)` returns the bytes of one.
  template <class Size = SizeOfElement>
  [[nodiscard]] auto cache(ByteBound bound, Size size = {}) && {
    return with(detail::stages::CacheStage<Stage, Size>(std::move(stage_), bound.bytes, std::move(size)));
  }
  /// Returns `consumers` pipelines, each of which has copies of all elements; different threads may read
  /// them. A consumer that is `bound` elements ahead of another one waits for it, and returns `queue_full`
  /// once its deadline has passed; at once if its own thread was the last to read that one. It may be called
  /// again.
  [[nodiscard]] auto tee(std::size_t consumers, std::size_t bound = 1024) && {
    namespace stages = detail::stages;
    stages::require_positive(consumers, "the number of consumers of tee()");
    stages::require_positive(bound, "the bound of tee()");
    using Other = Pipeline<stages::TeeStage<Stage>>;
    if (has_begun()) {
      stages::refuse_late_stage();
    }
    const auto shared = std::make_shared<stages::TeeBuffer<Stage>>(std::move(stage_), consumers, bound);
    auto settings = moved_settings<Other>("tee()");
    std::vector<Other> all;
    all.reserve(consumers);
    for (std::size_t consumer = 0; consumer < consumers; ++consumer) {
      auto own = settings;
      // Cancelling one consumer does not cancel the others.
      own.log = std::make_shared<stages::PipelineLog>();
      all.emplace_back(stages::TeeStage<Stage>(shared, consumer), std::move(own));
    }
    return all;
  }

  // Ends

  /// Returns the next element, or nothing at the end. `timeout` if there is none before the deadline; then it
  /// may be called again, and nothing is lost. Any other error but the `queue_full` of tee() is final.
  [[nodiscard]] Result<std::optional<Value>> next(Deadline deadline = {}) {
    using detail::stages::Pull;
    const auto moment = deadline.moment(settings_.timeout);
    while (!failure_ && !has_ended_) {
      if (settings_.log->is_cancelled()) {
        failure_ = detail::stages::pipeline_cancelled();
        break;
      }
      auto one = pull(moment);
      switch (one.kind) {
        case Pull::element:
          place_number_ = one.place.first;
          is_whole_ = one.place.is_whole;
          position_ = std::move(one.place.after);
          ++succeeded_;
          try {
            return std::optional<Value>(std::move(*one.value));
          } catch (...) {
            return fail(detail::stages::error_of_exception());
          }
        case Pull::skipped:
          if (Deadline::Clock::now() >= moment) {
            return detail::stages::no_element_in_time();
          }
          break;
        case Pull::end:
          has_ended_ = true;
          is_whole_ = one.place.is_whole;
          position_ = std::move(one.place.after);
          break;
        case Pull::late:
          if (settings_.log->is_cancelled()) {
            break;
          }
          return one.error ? *one.error : detail::stages::no_element_in_time();
        case Pull::failed:
          failure_ = std::move(one.error);
          stage_.cancel();
          break;
      }
    }
    if (failure_) {
      return *failure_;
    }
    return std::optional<Value>();
  }
  /// Returns all elements that are left.
  [[nodiscard]] Result<std::vector<Value>> collect() {
    std::vector<Value> all;
    for (;;) {
      auto one = next();
      if (!one) {
        return one.error();
      }
      if (!*one) {
        return all;
      }
      try {
        all.push_back(std::move(**one));
      } catch (...) {
        return detail::stages::error_of_exception();
      }
    }
  }
  /// Calls `function(element)` for all elements that are left. Ends with the first error of the pipeline or
  /// of the function, if that returns a Result or throws.
  template <class F>
  [[nodiscard]] Result<void> for_each(F function) {
    for (;;) {
      auto one = next();
      if (!one) {
        return one.error();
      }
      if (!*one) {
        return {};
      }
      try {
        if constexpr (detail::stages::is_result<std::invoke_result_t<F&, Value&>>) {
          if (auto done = std::invoke(function, **one); !done) {
            return fail(done.error());
          }
        } else {
          std::invoke(function, **one);
        }
      } catch (...) {
        return fail(detail::stages::error_of_exception());
      }
    }
  }
  /// Reads and drops all elements that are left; at the first error cancels the others, and waits for the
  /// functions that are being called.
  [[nodiscard]] PipelineReport join() {
    for (;;) {
      auto one = next();
      if (!one || !*one) {
        if (!one && !failure_) {
          failure_ = one.error();  // too late
        }
        stop();
        return report();
      }
    }
  }

  class Iterator;
  /// Reads the next element. Begins another pass (rewind()) if the last one has ended. Throws an error of the
  /// pipeline, as ++ does.
  [[nodiscard]] Iterator begin() {
    if (has_ended_) {
      rewind().value();
    }
    Iterator first(*this);
    ++first;
    return first;
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Begins another pass: the next element is the first one again. `unsupported` if the source can be read
  /// once, and no cache() follows it: ranges that the pipeline owns, input ranges, functions.
  [[nodiscard]] Result<void> rewind() {
    if (failure_) {
      return *failure_;
    }
    auto done = stage_.rewind();
    if (done) {
      has_ended_ = false;
      is_whole_ = true;
      position_ = settings_.origin;
    }
    return done;
  }
  /// Makes next() return `cancelled` soon. Any thread.
  void cancel() noexcept {
    settings_.log->cancel();
    stage_.cancel();
  }

  /// Returns what the position says of the source: of epochs() the EpochState to go on from. The errors of
  /// position().
  [[nodiscard]] auto state() const
    requires requires(const Position& at) { at.state(); }
  {
    const auto at = position();
    return at ? at->state() : decltype(at->state())(at.error());
  }
  /// Returns the position in the source behind the elements that next() or a range-for has returned, whatever
  /// was read ahead; for ranges their number: `skip(position)` of a new pipeline goes on there. `unsupported`
  /// behind shuffle(), interleave(), async_map() in any order and tee(), and while flatten() has elements
  /// left of the same source element.
  [[nodiscard]] Result<Position> position() const {
    if (settings_.disorder != nullptr) {
      return detail::stages::no_position_behind(settings_.disorder);
    }
    if (!is_whole_) {
      return detail::stages::position_inside_element(place_number_);
    }
    return position_;
  }
  /// Returns what was counted until now.
  [[nodiscard]] PipelineReport report() const {
    PipelineReport report = settings_.log->report();
    report.succeeded = succeeded_;
    report.error = failure_;
    return report;
  }

 private:
  static constexpr std::uint64_t all_elements = std::numeric_limits<std::uint64_t>::max();

  [[nodiscard]] bool has_begun() const noexcept { return succeeded_ != 0 || has_ended_ || failure_; }
  [[nodiscard]] detail::stages::CallSettings calls() const { return {settings_.log, settings_.policy}; }

  template <class Other>
  [[nodiscard]] typename Other::Settings moved_settings(const char* disorder) {
    return {.log = std::move(settings_.log),
            .policy = settings_.policy,
            .timeout = settings_.timeout,
            .disorder = settings_.disorder != nullptr ? settings_.disorder : disorder,
            .origin = std::move(settings_.origin)};
  }
  template <class Next>
  [[nodiscard]] Pipeline<Next> with(Next stage, const char* disorder = nullptr) {
    if (has_begun()) {
      stage.cancel();
      stage.close();
      settings_.log.reset();  // as of a pipeline that was moved from
      detail::stages::refuse_late_stage();
    }
    return Pipeline<Next>(std::move(stage), moved_settings<Pipeline<Next>>(disorder));
  }
  [[nodiscard]] auto slice(std::uint64_t first, std::uint64_t last, std::uint64_t step) {
    return with(detail::stages::SliceStage<Stage>(std::move(stage_), first, last, step));
  }
  template <class Size>
  [[nodiscard]] auto ahead(detail::stages::LaneLimits limits, Size size) && {
    namespace stages = detail::stages;
    return with(stages::LaneStage<Stage, stages::NoWork, Size>(std::move(stage_), {}, std::move(size), limits,
                                                               settings_.log));
  }

  [[nodiscard]] detail::stages::PulledFrom<Stage> pull(detail::stages::Moment moment) {
    try {
      return stage_.pull(moment);
    } catch (...) {
      return detail::stages::pulled_failure<Value>(detail::stages::error_of_exception(),
                                                   detail::stages::Place<Position>());
    }
  }
  [[nodiscard]] Error fail(const Error& cause) {
    failure_ = detail::stages::failed_element(place_number_, cause);
    settings_.log->note_failure(place_number_, *failure_);
    --succeeded_;
    stage_.cancel();
    return *failure_;
  }
  void stop() noexcept {
    if (settings_.log) {  // else it was moved from
      stage_.cancel();
      stage_.close();
    }
  }

  Stage stage_;
  Settings settings_;
  Position position_;
  std::uint64_t place_number_ = 0;  ///< of the last element
  bool is_whole_ = true;
  std::uint64_t succeeded_ = 0;
  bool has_ended_ = false;
  std::optional<Error> failure_;
  std::optional<Value> current_;  ///< of a range-for
};

/// Iterates over the elements that are left, once.
template <class Stage>
class Pipeline<Stage>::Iterator {
 public:
  using value_type = Value;                // NOLINT(readability-identifier-naming): of the standard library
  using difference_type = std::ptrdiff_t;  // NOLINT(readability-identifier-naming)

  explicit Iterator(Pipeline& of) noexcept : of_(&of) {}
  [[nodiscard]] Value& operator*() const noexcept { return *of_->current_; }
  [[nodiscard]] Value* operator->() const noexcept { return &*of_->current_; }
  Iterator& operator++() {
    of_->current_.reset();
    if (auto one = std::move(of_->next()).value()) {
      of_->current_.emplace(std::move(*one));
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  [[nodiscard]] bool operator==(std::default_sentinel_t /*end*/) const noexcept { return !of_->current_; }

 private:
  Pipeline* of_;
};

/// Makes a pipeline of a range, a PipelineSource, or a function that returns a std::optional<T> or a
/// Result<std::optional<T>>, where nothing is the end. What is passed as an lvalue stays the program's, has
/// to outlive the pipeline, and its elements are copied; what is passed as an rvalue is moved in, and its
/// elements are moved out, unless it is a view.
template <class From>
[[nodiscard]] auto pipeline(From&& from) {
  namespace stages = detail::stages;
  const auto made = []<class Source>(stages::SourceStage<Source> stage) {
    using Made = Pipeline<stages::SourceStage<Source>>;
    typename Made::Settings settings;
    settings.origin = stage.position();
    return Made(std::move(stage), std::move(settings));
  };
  if constexpr (PipelineSource<std::remove_reference_t<From>>) {
    return made(stages::SourceStage<From>(std::forward<From>(from)));
  } else if constexpr (std::ranges::input_range<From>) {
    using Source = stages::RangeSource<From>;
    return made(stages::SourceStage<Source>(Source(std::forward<From>(from))));
  } else {
    using Source = stages::GeneratorSource<std::remove_cvref_t<From>>;
    return made(stages::SourceStage<Source>(Source(std::forward<From>(from))));
  }
}

}  // namespace locum
