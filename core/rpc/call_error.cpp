#include "core/rpc/call_error.hpp"

#include <string>

#include "core/rpc/packed_error.hpp"

namespace locum::call_error {

Error late(int rank) noexcept {
  return Error(Errc::timeout, "rank " + std::to_string(rank) +
                                  " did not answer before the deadline; give the call "
                                  "more time, or find out what that rank does")
      .at_rank(rank);
}

Error late_node(int node) noexcept {
  return Error(Errc::timeout, "node " + std::to_string(node) +
                                  " did not answer before the deadline; give the call "
                                  "more time, or find out what its ranks do");
}

Error gone(int rank, const Error& cause) noexcept {
  return Error(Errc::peer_lost,
               "rank " + std::to_string(rank) + " is dead or cannot be reached; what it alone had is lost",
               cause.detail().empty() ? cause.text() : cause.detail())
      .at_rank(rank);
}

Error silent(std::chrono::milliseconds patience) noexcept {
  return Error(Errc::peer_lost, "it said nothing for " + std::to_string(patience.count()) + " ms");
}

Error unmoved() noexcept {
  return Error(Errc::peer_lost, "it says that it lives, but bytes that it has announced do not come");
}

Error crowded(int asker, int rank) noexcept {
  return Error(Errc::out_of_memory, "rank " + std::to_string(asker) +
                                        " has too many questions under way at rank " + std::to_string(rank) +
                                        "; let fewer threads ask at a time");
}

Error closed(int rank) noexcept {
  return Error(Errc::closed, "rank " + std::to_string(rank) + " has closed the runtime").at_rank(rank);
}

Error closed_meanwhile(const Error& cause) noexcept {
  return Error(Errc::peer_lost,
               "a rank closed the runtime before it could say whether it had done what was asked for; look "
               "what is there, and try again",
               cause.text());
}

Error told(std::uint8_t status, std::span<const std::byte> packed, int rank) noexcept {
  const auto code = static_cast<Errc>(status);
  if (!packed.empty() || to_string(code) == "unknown") {
    return unpack(packed, rank);
  }
  return Error(code, "the rank that was asked could not send the reason with it").at_rank(rank);
}

}  // namespace locum::call_error
