#include "core/rpc/call_error.hpp"

#include <string>

#include "core/rpc/packed_error.hpp"

namespace locum::call_error {

namespace {

Error late_one(const std::string& who, const char* hangs, Serves serves) {
  return Error(
      Errc::timeout,
      serves == Serves::always
          ? who + " did not reply before the deadline; give the call more time, or check whether " + hangs
          : who +
                " did not reply before the deadline: MPI was initialised without "
                "MPI_THREAD_MULTIPLE, so that a rank replies only while its first thread waits in "
                "the library; call MPI_Init_thread with MPI_THREAD_MULTIPLE, or set "
                "LOCUM_TRANSPORT=ucx");
}

}  // namespace

Error late(int rank, Serves serves) noexcept {
  return late_one("rank " + std::to_string(rank), "that rank hangs", serves).at_rank(rank);
}

Error late_owner(Serves serves) noexcept {
  return late_one("the owner of this object, or the home of its name,", "their ranks hang", serves);
}

Error gone(int rank, const Error& cause) noexcept {
  return Error(
             Errc::peer_lost,
             "rank " + std::to_string(rank) + " is dead or cannot be reached; data that only it had is lost",
             cause.detail().empty() ? cause.text() : cause.detail())
      .at_rank(rank);
}

Error silent(std::chrono::milliseconds patience) noexcept {
  return Error(Errc::peer_lost, "it was silent for " + std::to_string(patience.count()) + " ms");
}

Error unmoved() noexcept {
  return Error(Errc::peer_lost, "it replies that it is alive, but bytes that it announced do not arrive");
}

Error crowded(int reply_to, int rank) noexcept {
  return Error(Errc::out_of_memory, "rank " + std::to_string(reply_to) +
                                        " has too many open requests at rank " + std::to_string(rank) +
                                        "; make fewer calls at a time");
}

Error closed(int rank) noexcept {
  return Error(Errc::closed,
               "rank " + std::to_string(rank) + " has closed the runtime; close it on all ranks together")
      .at_rank(rank);
}

Error closed_meanwhile(const Error& cause) noexcept {
  return Error(Errc::peer_lost,
               "a rank closed the runtime before replying whether it had served the request; check the state "
               "of the object, and try again",
               cause.text());
}

Error invalid_reply(int node) {
  return Error(Errc::corrupt, "node " + std::to_string(node) + " sent an invalid reply; try again");
}

Error invalid_reply_of_owner() {
  return Error(Errc::corrupt, "the owner's node sent an invalid reply; get the object again");
}

Error other_name() {
  return Error(Errc::corrupt, "another node replied with an object of another name; get it again");
}

Error death_reported() {
  return Error(Errc::peer_lost, "ranks of its node report its death");
}

Error wrong_message(std::size_t max_header_bytes) {
  return Error(Errc::invalid_argument, "a message needs a rank of the group and a header of 1 to " +
                                           std::to_string(max_header_bytes) + " bytes");
}

Error wrong_key(int rank) {
  return Error(Errc::invalid_argument, "this is not a key of rank " + std::to_string(rank) +
                                           ", or it covers less memory than the read");
}

Error not_received(int rank) {
  return Error(Errc::out_of_memory, "a rank does not receive the messages sent to it; try again later")
      .at_rank(rank);
}

Error told(std::uint8_t status, std::span<const std::byte> packed, int rank) noexcept {
  const auto code = static_cast<Errc>(status);
  if (!packed.empty() || to_string(code) == "unknown") {
    return unpack(packed, rank);
  }
  return Error(code, "the rank that served the request had no room for the reason").at_rank(rank);
}

}  // namespace locum::call_error
