#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <locum/async_result.hpp>
#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum::detail::stages {

/// What a stage that calls functions of the program needs of its pipeline.
struct CallSettings {
  std::shared_ptr<PipelineLog> log;
  ErrorPolicy policy;

  /// Reports that a function failed for an element for good.
  template <class U, class P>
  [[nodiscard]] Pulled<U, P> failed(Place<P> place, const Error& cause) const {
    const Error error = failed_element(place.first, cause);
    log->note_failure(place.first, error);
    if (policy.skip) {
      return {Pull::skipped, std::nullopt, std::move(place), std::nullopt};
    }
    return pulled_failure<U>(error, std::move(place));
  }

  /// Makes an element of what `call` returns, a Result<U>; repeats it as the policy asks for.
  /// \param call told whether the element is needed again if it fails
  template <class U, class P, class Call>
  [[nodiscard]] Pulled<U, P> made_by(Place<P> place, Call call) const {
    for (std::uint32_t left = policy.retries;; --left) {
      std::optional<Error> cause;
      try {
        Result<U> made = call(left > 0);
        if (made) {
          return pulled_element<U>(std::move(*made), std::move(place));
        }
        cause = made.error();
      } catch (...) {
        cause = error_of_exception();
      }
      if (left == 0 || log->is_cancelled()) {
        return failed<U>(std::move(place), *cause);
      }
      log->note_retry();
    }
  }
};

template <class F, class T>
struct Called {
  static_assert(std::invocable<F&, T>,
                "locum: this function of a pipeline cannot be called with its elements");
  using Type = std::invoke_result_t<F&, T>;
};
template <class F, class T>
  requires(!std::invocable<F&, T> && std::invocable<F&, T&>)
struct Called<F, T> {
  using Type = std::invoke_result_t<F&, T&>;
};
template <class F, class T>
using CalledType = typename Called<F, T>::Type;

/// Calls a function with an element: const if that is needed again, else moved, or by reference.
template <class F, class T>
[[nodiscard]] CalledType<F, T> call_with(F& function, T& element, bool is_needed) {
  if (is_needed) {
    if constexpr (std::is_invocable_r_v<CalledType<F, T>, F&, const T&>) {
      return std::invoke(function, std::as_const(element));
    } else {
      throw element_taken();
    }
  }
  if constexpr (std::invocable<F&, T>) {
    return std::invoke(function, std::move(element));
  } else {
    return std::invoke(function, element);
  }
}

/// The type of elements that a function's results make: U of U, of Result<U> and of AsyncResult<U>.
template <class R>
struct ElementMade {
  using Type = typename Unwrapped<R>::Type;
  static constexpr bool is_async = false;
};
template <class U>
struct ElementMade<AsyncResult<U>> {
  using Type = U;
  static constexpr bool is_async = true;
};
template <class F, class T>
using MadeBy = typename ElementMade<std::remove_cvref_t<CalledType<F, T>>>::Type;

/// Calls a function for an element.
template <class F, class T, class P>
[[nodiscard]] Pulled<MadeBy<F, T>, P> mapped(const CallSettings& settings, F& function, Pulled<T, P>&& from) {
  using U = MadeBy<F, T>;
  static_assert(!std::is_void_v<U>,
                "locum: a function of map() returns the new element; use for_each() else");
  if (from.kind != Pull::element) {
    return passed_on<U>(std::move(from));
  }
  T& element = *from.value;
  return settings.made_by<U>(std::move(from.place), [&](bool is_needed) {
    return Result<U>(call_with(function, element, is_needed));
  });
}

/// map(): one thread calls the function.
template <class S, class F>
class MapStage {
 public:
  using Value = MadeBy<F, typename S::Value>;
  using Position = typename S::Position;

  MapStage(S upstream, F function, CallSettings settings)
      : upstream_(std::move(upstream)), function_(std::move(function)), settings_(std::move(settings)) {}

  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    return mapped(settings_, function_, upstream_.pull(moment));
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() { return upstream_.rewind(); }

 private:
  S upstream_;
  F function_;
  CallSettings settings_;
};

/// filter(): keeps the elements for which the function returns true.
template <class S, class F>
class FilterStage {
 public:
  using Value = typename S::Value;
  using Position = typename S::Position;

  FilterStage(S upstream, F function, CallSettings settings)
      : upstream_(std::move(upstream)), function_(std::move(function)), settings_(std::move(settings)) {}

  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    for (;;) {
      auto from = upstream_.pull(moment);
      if (from.kind != Pull::element) {
        return from;
      }
      auto kept = settings_.made_by<bool>(from.place, [&](bool /*is_needed*/) {
        return Result<bool>(std::invoke(function_, std::as_const(*from.value)));
      });
      if (kept.kind != Pull::element) {
        return passed_on<Value>(std::move(kept));
      }
      if (*kept.value) {
        return from;
      }
    }
  }
  void cancel() noexcept { upstream_.cancel(); }
  void close() noexcept { upstream_.close(); }
  [[nodiscard]] Result<void> rewind() { return upstream_.rewind(); }

 private:
  S upstream_;
  F function_;
  CallSettings settings_;
};

}  // namespace locum::detail::stages
