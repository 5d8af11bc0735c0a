#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <locum/error.hpp>

namespace locum::detail {

/// Why a stream of steps has failed, or a wait for it has ended: one cause, with the rank that gave it. Flat:
/// the first one of a stream is a record of it, from which all its writers and readers make the same error.
struct StreamFailure {
  static constexpr std::string_view locum_type_name = "locum.stream_failure";

  enum class Cause : std::uint32_t {
    none,
    lost,           ///< a writer died
    not_ended,      ///< a writer destroyed a step, which it had neither ended nor discarded
    thrown,         ///< a writer left the stream by an exception
    unequal,        ///< `rank` closed the stream before step `step`, which `other` has ended
    other_options,  ///< `rank` has opened the stream with other options than `other`
    refused,        ///< a writer's end() failed, and it has not written the step again
    unreadable,     ///< a reader of a file could not read its part of a step
    not_published,  ///< the first writer could not publish a step, or not show it in the file
    untold,         ///< there was no memory to say why
    not_closed,     ///< a writer has not closed the stream by the deadline of `other`, which does
    not_opened,     ///< a writer has not opened the stream by the deadline; `other`: its index
    no_reader,      ///< none has joined; `step` steps wait for one
    few_readers,    ///< `step` readers have joined, of those that the first step waits for: `other`
    not_released,   ///< a reader holds a step, which leaves no room for another one
    not_freed,      ///< a step that all have released was not freed
    step_missing,   ///< a writer has not ended the step by the deadline
    own_steps,      ///< the reader itself holds `step` steps, as many as may exist
    reader_lost,    ///< the first rank of a reader died, which chooses the steps for its other ranks
    reader_left,    ///< it has destroyed its StepReader
    same_ranks,     ///< `rank` reads by the communicator of the writers
    two_types,      ///< of `variable`, by `rank` and by `other`, in step `step`
    not_asked,      ///< another writer has not begun step `step` as often as this one
    no_answer,      ///< the node of `rank`, the home of the stream's records, is silent
  };

  Cause cause = Cause::none;
  std::int32_t rank = -1;   ///< of the runtime
  std::int32_t other = -1;  ///< a second one, or a number: see Cause
  std::uint32_t code = 0;   ///< of `refused`, `unreadable` and `not_published`: the Errc
  std::uint64_t step = 0;
  std::array<char, 64> variable{};  ///< of `two_types`: as much of its name as there is room for, and zeros

  /// Why the other ranks of a reader cannot go on without its first one.
  [[nodiscard]] static StreamFailure of_first_reader(bool has_left, int rank) noexcept {
    return {.cause = has_left ? Cause::reader_left : Cause::reader_lost, .rank = rank};
  }
  [[nodiscard]] bool has_failed() const noexcept { return cause != Cause::none; }
  /// The error of every call that this ends. REQUIRES: has_failed(), which a record from elsewhere may not
  /// say: then it is `corrupt`.
  [[nodiscard]] Error error(std::string_view stream) const;
};

/// The same error, as readers get it: a `timeout` of the writers is none of theirs, which they would try
/// again.
[[nodiscard]] Error as_readers_get(const Error& error);

}  // namespace locum::detail
