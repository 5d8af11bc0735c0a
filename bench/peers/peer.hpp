#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace peers {

/// What a rank stores under a name.
struct Item {
  std::string name;
  std::span<const std::byte> bytes;  ///< the memory belongs to the caller
};

/// Where the peers are, and how much each will have to keep at a time.
struct Place {
  MPI_Comm ranks = MPI_COMM_NULL;
  std::string folder;            ///< on a tmpfs, for files; empty: none
  std::string redis_socket;      ///< empty: no such server
  int redis_port = 0;            ///< on the loopback; 0: no such server
  std::string memcached_socket;  ///< empty: no such server
  int memcached_port = 0;        ///< on the loopback; 0: no such server
  std::uint64_t bytes = 0;       ///< of all values of all ranks, at most
};

/// A store as one rank uses it. A maker connects it and its destructor closes it, both called by all ranks at
/// the same time; the other functions are called by each rank on its own. Anything that fails throws.
class Peer {
 public:
  /// Is given the number of a name and its value, which is valid during the call only.
  using Reader = std::function<void(std::size_t number, std::span<const std::byte> bytes)>;

  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  /// Stores each item; the names are new. All ranks can get all of them once this returns. They are given
  /// together so that a peer may send several at a time, if that is what it is there to show.
  virtual void put(std::span<const Item> items) = 0;
  /// Finds each name, which exists, and shows its value to `reader`, in that order. There is at least one,
  /// and one rank has put them all: `owner_of` says which.
  virtual void get(std::span<const std::string> names, const Reader& reader) = 0;
  /// Removes what this rank has put, so that the names are new again. Not timed.
  virtual void remove(std::span<const Item> items) = 0;
};

using PeerMaker = std::unique_ptr<Peer> (*)(const Place& place);

}  // namespace peers
