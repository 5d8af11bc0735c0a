#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/handle.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/proxy.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

namespace locum {

/// The object store of the ranks of one communicator: opened by constructing it, closed by destroying it.
///
/// Owned by the program, typically on the stack between `MPI_Init` and `MPI_Finalize`; several may live side
/// by side, also on sub-communicators. It works on a duplicate of the communicator. Any MPI thread level
/// will do: MPI is called in the constructor, the destructor and the functions marked *collective* only, in
/// the calling thread. Those are called by one thread at a time, in the same order on all ranks; everything
/// else may be called by any thread.
///
/// A collective call that fails on one rank throws the same Error on all of them. One to which not all ranks
/// come throws `timeout`, or `peer_lost` soon after the death of one of them: within 200 ms on its node, on
/// others within twice `peer_timeout`; the runtime can then only be closed. Everything that is not collective
/// goes on without the dead: as long as one rank of their node lives, what they had sealed can be read, and
/// that one takes over their memory.
///
/// If an exception leaves the scope of a runtime on some of its ranks only, the others could wait for them
/// for ever: unless they come to the end of theirs within two seconds, the destructor says so and ends the
/// job by `MPI_Abort`.
class Runtime {
 public:
  /// Collective over `communicator`. Throws Error: `invalid_argument` (MPI not initialised or finalised
  /// already, no intracommunicator, an option out of range), `options_differ` (ranks ask for different
  /// options or have different versions of the library), `unsupported` (several nodes, and a library
  /// built without UCX), `out_of_memory`, `timeout`, `peer_lost` (a rank died meanwhile), `system`.
  explicit Runtime(MPI_Comm communicator, RuntimeOptions options = {});
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  /// Collective: close(), with messages on stderr instead of exceptions. After `MPI_Finalize`, or with ranks
  /// lost, it closes this rank's part alone, and says so.
  ~Runtime();

  /// The store of that name: the same one for all who ask, on all ranks. Not collective. On one node it is
  /// cheap, and sends nothing; over several it asks the node at which the name is at home. Without options
  /// it takes those in force, those by default if it is the first to open the store. Throws Error:
  /// `invalid_argument` (a name is 1 byte to 64 KiB), `options_differ` (opened with other options before),
  /// `closed`, `unsupported` (4294967292 stores were made before, or as many as one node may have of them),
  /// `out_of_memory`, `timeout`, `peer_lost` (the node is lost at which the name is at home).
  [[nodiscard]] Store store(std::string_view name);
  [[nodiscard]] Store store(std::string_view name, const StoreOptions& options);

  /// A stand-in for the object behind a handle, of whichever store of this runtime. Nothing moves; what is
  /// wrong with the handle shows on first use. Throws Error `closed`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle) {
    require_open("proxy");
    return session_->proxy<T>(handle);
  }
  /// The same of an object that was written by a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) {
    require_open("proxy");
    return session_->proxy<T>(handle, by);
  }

  /// Collective: ends a store and evicts all its objects; afterwards no rank finds any of them, and Store
  /// values of it answer `closed`. The name is free for a new store. Dropping what nobody opened is fine.
  /// Waits until `deadline` for the other ranks.
  void drop(std::string_view name, Deadline deadline = {});

  /// Ranks that died while the runtime was open, ascending, as far as this rank knows: of its own node
  /// within 200 ms, of others once it has asked them something in vain. After close(), if nobody died, ranks
  /// of this node that closed without waiting for this one. Local; any thread may call. Throws Error `closed`
  /// in a process forked from a rank.
  [[nodiscard]] std::vector<int> lost_ranks() const;

  /// Memory, objects and paths taken of this rank, and which ranks are lost. Local. Throws Error `closed` in
  /// a process forked from a rank.
  [[nodiscard]] std::string report() const;
  /// Collective: the same for each rank, per node and in all. All ranks get the same text.
  [[nodiscard]] std::string report_all(Deadline deadline = {});
  /// Counters of this rank, still counting.
  [[nodiscard]] const Metrics& metrics() const noexcept;

  /// The options in force: those given, overridden by the environment.
  [[nodiscard]] const RuntimeOptions& options() const noexcept;
  /// This rank, and how many there are, in the communicator given.
  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int size() const noexcept;
  /// Random number that tells this runtime from all others; the same on all its ranks.
  [[nodiscard]] std::uint64_t incarnation() const noexcept;

  /// Collective: ends the runtime before its destructor does. Calls on it and on its stores give `closed`
  /// from then on; views stay valid, and keep the memory that they show, until they are destroyed. Waits
  /// until `deadline` for the other ranks; throws `timeout` if they do not come, but this rank's part is
  /// closed even then. With ranks lost, or where one of this node has closed without waiting for the others,
  /// it waits for nobody, closes this rank's part alone and returns: see lost_ranks(). `invalid_argument`
  /// after `MPI_Finalize`; the destructor then closes what is left. Closing twice is fine, and local.
  void close(Deadline deadline = {});

 private:
  struct State;

  void require_open(const char* call) const;
  void require_rank(const char* call) const;
  void require_mpi(const char* call) const;
  [[nodiscard]] std::string describe_reads() const;
  void end_session() noexcept;
  void close_in_destructor() noexcept;

  std::unique_ptr<State> state_;
  std::shared_ptr<Session> session_;
};

}  // namespace locum
