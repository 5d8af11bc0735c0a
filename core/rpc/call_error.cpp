#include "core/rpc/call_error.hpp"

#include <new>
#include <string>

#include "core/rpc/packed_error.hpp"

namespace locum::call_error {

namespace {

// An error that says more, where there is memory for it.
template <class Make>
Error or_plainly(const Error& plain, Make make) noexcept {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return plain;
  }
}

// Never destroyed: threads may still end calls when statics are.
const Error& plainly_late() {
  static const Error* const error = new Error(Errc::timeout, "a rank did not answer before the deadline");
  return *error;
}

const Error& plainly_gone() {
  static const Error* const error = new Error(Errc::peer_lost, "a rank is dead or cannot be reached");
  return *error;
}

const Error& plainly_closed() {
  static const Error* const error = new Error(Errc::closed, "a rank has closed the runtime");
  return *error;
}

// What an error is told by where there is no memory for it.
Error plainly(Errc code) {
  return code == Errc::timeout ? plainly_late() : code == Errc::peer_lost ? plainly_gone() : no_memory_left();
}

}  // namespace

void prepare() {
  (void)no_memory_left();
  (void)plainly_late();
  (void)plainly_gone();
  (void)plainly_closed();
}

Error late(int rank) noexcept {
  return or_plainly(plainly_late(), [&] {
    return Error(Errc::timeout, "rank " + std::to_string(rank) +
                                    " did not answer before the deadline; give the call "
                                    "more time, or find out what that rank does")
        .at_rank(rank);
  });
}

Error late_node(int node) noexcept {
  return or_plainly(plainly_late(), [&] {
    return Error(Errc::timeout, "node " + std::to_string(node) +
                                    " did not answer before the deadline; give the call "
                                    "more time, or find out what its ranks do");
  });
}

Error gone(int rank, const Error& cause) noexcept {
  return or_plainly(plainly_gone(), [&] {
    return Error(Errc::peer_lost,
                 "rank " + std::to_string(rank) + " is dead or cannot be reached; what it alone had is lost",
                 cause.detail().empty() ? cause.text() : cause.detail())
        .at_rank(rank);
  });
}

Error silent(std::chrono::milliseconds patience) noexcept {
  return or_plainly(plainly_gone(), [&] {
    return Error(Errc::peer_lost, "it said nothing for " + std::to_string(patience.count()) + " ms");
  });
}

Error unmoved() noexcept {
  return or_plainly(plainly_gone(), [] {
    return Error(Errc::peer_lost, "it says that it lives, but bytes that it has announced do not come");
  });
}

Error crowded(int asker, int rank) noexcept {
  return or_plainly(no_memory_left(), [&] {
    return Error(Errc::out_of_memory, "rank " + std::to_string(asker) +
                                          " has too many questions under way at rank " +
                                          std::to_string(rank) + "; let fewer threads ask at a time");
  });
}

Error closed(int rank) noexcept {
  return or_plainly(plainly_closed(), [&] {
    return Error(Errc::closed, "rank " + std::to_string(rank) + " has closed the runtime").at_rank(rank);
  });
}

Error closed_meanwhile(const Error& cause) noexcept {
  return or_plainly(plainly_gone(), [&] {
    return Error(Errc::peer_lost,
                 "a rank closed the runtime before it could say whether it had done what was asked for; look "
                 "what is there, and try again",
                 cause.text());
  });
}

Error told(std::uint8_t status, std::span<const std::byte> packed, int rank) noexcept {
  const auto code = static_cast<Errc>(status);
  return or_plainly(plainly(code), [&] {
    if (!packed.empty() || to_string(code) == "unknown") {
      return unpack(packed, rank);
    }
    return code == Errc::out_of_memory
               ? no_memory_left()
               : Error(code, "the rank that was asked had no memory left to say more").at_rank(rank);
  });
}

}  // namespace locum::call_error
