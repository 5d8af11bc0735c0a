#pragma once

#include <span>
#include <string_view>

#include "bench/peers/peer.hpp"

namespace peers {

/// One line of the table: a store, and a way to use it.
struct PeerKind {
  std::string_view name;
  PeerMaker make = nullptr;  ///< nullptr: its client library was not there when this was built
  std::string_view package;  ///< the Debian package that brings the client library, if it needs one
  bool (*is_there)(const Place& place);  ///< whether it can take part in this place
  std::string_view needed;               ///< what it takes: the options that say how to reach it
  std::string_view client =
      {};  ///< if it is a store over a backend: the peer that uses the same one directly
};

/// All of them; the first one is what the others are compared with.
[[nodiscard]] std::span<const PeerKind> all_peers();

}  // namespace peers
