#include "core/steps/stream_failure.hpp"

#include <algorithm>
#include <string>

namespace locum::detail {

namespace {

/// A code that came from another rank, which may be any number.
Errc checked(std::uint32_t code) {
  const bool is_known = code >= static_cast<std::uint32_t>(Errc::invalid_argument) &&
                        code <= static_cast<std::uint32_t>(Errc::value_too_large);
  return is_known ? static_cast<Errc>(code) : Errc::corrupt;
}

}  // namespace

Error StreamFailure::error(std::string_view stream) const {
  const std::string who = "rank " + std::to_string(rank);
  const std::string number = std::to_string(step);
  const auto made = [&](Errc of, std::string text) { return Error(of, std::move(text)).about(stream, rank); };
  switch (cause) {
    case Cause::lost:
      return made(Errc::peer_lost,
                  "a rank that writes this stream was lost; the steps that all ranks have ended can still be "
                  "read, further ones cannot be written");
    case Cause::not_ended:
      return made(Errc::broken_promise,
                  who + " of the writer left step " + number +
                      " without ending it, so that the stream has failed behind the step before; end each "
                      "step, or discard one that is not to be");
    case Cause::thrown:
      return made(Errc::broken_promise,
                  who + " of the writer left the stream by an error of its own, before it had ended step " +
                      number + "; mend what that rank reports");
    case Cause::unequal:
      return made(Errc::invalid_argument,
                  who + " of the writer has closed the stream after " + number + " steps, and rank " +
                      std::to_string(other) +
                      " has ended a further one; let all ranks of a writer end the same steps");
    case Cause::other_options:
      return made(Errc::options_differ,
                  who + " has opened this stream with another queue_steps or when_full than rank " +
                      std::to_string(other) +
                      ", or only one of them with a file; give all ranks of a writer the same options");
    case Cause::refused:
      return made(checked(code), who + " of the writer could not end step " + number +
                                     ", and has not written it again; the error of its end says why");
    case Cause::unreadable:
      return made(checked(code),
                  who + " could not read its part of a step of the file; its own error says why");
    case Cause::not_published:
      return checked(code) == Errc::out_of_memory
                 ? made(Errc::out_of_memory,
                        "the first rank of the writer could not publish step " + number +
                            "; give the nodes more memory, or the stream fewer queue_steps")
                 : made(checked(code), "the first rank of the writer could not publish step " + number +
                                           ", or not show it in the file; its own error says why");
    case Cause::untold:
      return made(Errc::broken_promise,
                  "this stream has failed, and its writers could not tell why: they had no memory for it, or "
                  "have closed "
                  "the runtime; look at the errors of closing them");
    case Cause::not_closed:
      return made(Errc::timeout, who + " of the writer has not closed the stream by the deadline of rank " +
                                     std::to_string(other) +
                                     ", which does; close it on all ranks, and give that more time");
    case Cause::not_opened:
      return made(Errc::timeout, "the rank with index " + std::to_string(other) +
                                     " in the writer's communicator has not opened its writer by the "
                                     "deadline; let all ranks of the communicator open one, and give readers "
                                     "a communicator of their own");
    case Cause::no_reader:
      return made(Errc::timeout, "no reader has joined this stream, which keeps " + number +
                                     " steps for one; start a reader of that name, or let the writer drop "
                                     "the oldest (when_full) if it is to run alone");
    case Cause::few_readers:
      return made(Errc::timeout, number + " readers have joined this stream, whose first step waits for " +
                                     std::to_string(other) +
                                     " (rendezvous_readers); start readers of that name");
    case Cause::not_released:
      return made(Errc::timeout,
                  who + " has not released step " + number +
                      ", which the stream keeps for it; let readers release steps, or wait longer");
    case Cause::not_freed:
      return made(Errc::timeout, "no reader keeps step " + number +
                                     " any more, and the first rank of the writer has not freed it yet; try "
                                     "again, or wait longer");
    case Cause::step_missing:
      return made(Errc::timeout, who + " of the writer has not ended step " + number +
                                     " by the deadline; wait longer, or let all ranks of the writer end it");
    case Cause::own_steps:
      return made(Errc::timeout, "this rank holds " + number +
                                     " steps, as many as the stream may have (queue_steps); release a step "
                                     "before the next one");
    case Cause::reader_lost:
      return made(Errc::peer_lost,
                  who +
                      ", the first one of this reader, was lost; its other ranks can read no "
                      "further steps: open a new reader of those that are left");
    case Cause::reader_left:
      return made(Errc::invalid_argument,
                  who +
                      ", the first one of this reader, has closed its reader; let all ranks of a reader "
                      "read the same steps, and close it then");
    case Cause::same_ranks:
      return made(Errc::invalid_argument,
                  who +
                      " reads this stream by the communicator of its writer; give each side a communicator "
                      "of its own, by MPI_Comm_split");
    case Cause::two_types: {
      const std::string name(variable.begin(), std::find(variable.begin(), variable.end(), '\0'));
      return made(Errc::type_mismatch, "rank " + std::to_string(other) +
                                           " of the writer has given the variable " + name +
                                           " another type in step " + number + " than " + who +
                                           "; let all ranks give one type to a variable");
    }
    case Cause::not_asked:
      return made(Errc::timeout,
                  "another rank of the writer has not begun step " + number +
                      " as often as this one, and all have to get the same answer; let all ranks begin steps "
                      "equally often, or wait longer");
    case Cause::no_answer:
      return made(Errc::timeout, "the node of " + who +
                                     ", which keeps the records of this stream, does not answer; wait "
                                     "longer, and look whether that rank hangs");
    case Cause::none:
      break;
  }
  return Error(Errc::corrupt, "the record of this stream's failure is damaged").about(stream);
}

Error as_readers_get(const Error& error) {
  return error.code() == Errc::timeout
             ? Error(Errc::broken_promise, error.text()).about(error.key(), error.rank())
             : error;
}

}  // namespace locum::detail
