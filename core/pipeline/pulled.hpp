#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/error.hpp>

/// Stages of a pipeline. A *stage* is a class with
///
///     using Value = …;     // of its elements
///     using Position = …;  // in the source
///     Pulled<Value, Position> pull(Deadline::Clock::time_point moment);  // one thread at a time
///     void cancel() noexcept;   // any thread: pull() of this stage and of those before it returns soon
///     void close() noexcept;    // after cancel(): joins the threads of this stage, then of those before it
///     Result<void> rewind();    // the next pull() returns the first element again
///
/// and owns the stage before it. A started stage is movable.
namespace locum::detail::stages {

using Moment = Deadline::Clock::time_point;

enum class Pull : std::uint8_t {
  element,
  skipped,  ///< an element failed, was reported, and is left out
  failed,   ///< an element or the source failed; nothing follows
  end,
  late,  ///< the moment has passed, or the pipeline was cancelled; pull() may be called again
};

/// Where an element comes from.
template <class P>
struct Place {
  std::uint64_t first = 0;  ///< number of the first source element that it was made of
  P after{};                ///< position of the source behind the last one
  bool is_whole = true;     ///< no further element is made of the last one
};

/// What pull() returns.
template <class T, class P>
struct Pulled {
  Pull kind = Pull::late;
  std::optional<T> value;  ///< of an element
  Place<P> place;
  std::optional<Error> error;  ///< of `failed`; of `late` where more is known than that
};

template <class T, class P>
[[nodiscard]] Pulled<T, P> pulled_element(T value, Place<P> place) {
  return {Pull::element, std::optional<T>(std::move(value)), std::move(place), std::nullopt};
}
template <class T, class P>
[[nodiscard]] Pulled<T, P> pulled_failure(Error error, Place<P> place) {
  return {Pull::failed, std::nullopt, std::move(place), std::move(error)};
}
template <class T, class P>
[[nodiscard]] Pulled<T, P> pulled_end(Place<P> place) {
  return {Pull::end, std::nullopt, std::move(place), std::nullopt};
}

/// Passes on, to a stage of another element type, a result that is no element.
template <class U, class T, class P>
[[nodiscard]] Pulled<U, P> passed_on(Pulled<T, P>&& from) {
  return {from.kind, std::nullopt, std::move(from.place), std::move(from.error)};
}

template <class S>
using PulledFrom = Pulled<typename S::Value, typename S::Position>;

}  // namespace locum::detail::stages
