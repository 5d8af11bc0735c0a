#pragma once

#include <mpi.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/async_result.hpp>
#include <locum/checkpoint_options.hpp>
#include <locum/deadline.hpp>
#include <locum/handle.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/proxy.hpp>
#include <locum/session.hpp>
#include <locum/step_options.hpp>
#include <locum/store.hpp>
#include <locum/type_name.hpp>

namespace locum {

class Files;
struct FilesOptions;
struct JobFacts;

/// The object store of the ranks of one communicator: opened by constructing it, closed by destroying it.
///
/// Owned by the program, typically on the stack between `MPI_Init` and `MPI_Finalize`; several may exist at a
/// time, also on sub-communicators. It works on a duplicate of the communicator. Any MPI thread level works:
/// only the constructor, the destructor and the functions marked *collective* call MPI, in the calling
/// thread. One thread at a time calls those, in the same order on all ranks; any thread may call all the
/// others, also while another one closes the runtime: they then succeed, or return `closed`.
///
/// Over several nodes with `transport` mpi (the default where the library was built without UCX) a thread of
/// the library calls MPI as well. That needs `MPI_THREAD_MULTIPLE`; with less, messages move only while the
/// thread that opened the runtime is in a blocking call of the library: other ranks wait for a rank that
/// computes, or is in a call of MPI, and calls of other threads wait for that thread.
///
/// A collective call that fails on one rank throws the same Error on all of them. If not all ranks join, it
/// throws `timeout`, or `peer_lost` soon after the death of one of them: within 200 ms on its node, on others
/// within twice `peer_timeout`; the runtime can then only be closed. Calls that are not collective continue
/// without the dead ranks: as long as one rank of their node lives, their sealed objects can be read, and
/// that rank takes over their memory.
///
/// If an exception leaves the scope of a runtime on some of its ranks only, the others could wait for them
/// for ever: unless they leave theirs within two seconds, the destructor reports this and ends the job by
/// `MPI_Abort`.
class Runtime {
 public:
  /// Opens the runtime; collective over `communicator`. Throws Error: `invalid_argument` (MPI not initialised
  /// or already finalised, not an intracommunicator, an option out of range), `options_differ` (ranks ask for
  /// different options or have different versions of the library), `unsupported` (LOCUM_TRANSPORT=ucx, and a
  /// library built without UCX), `out_of_memory`, `timeout`, `peer_lost` (a rank died meanwhile), `system`.
  explicit Runtime(MPI_Comm communicator, RuntimeOptions options = {});
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  /// Calls close(), collectively, with messages on stderr instead of exceptions. After `MPI_Finalize`, or
  /// with ranks lost, it closes only this rank's part, and reports that.
  ~Runtime();

  /// Opens the store with this name, which is the same one on all ranks. Not collective. On one node it is
  /// cheap and sends nothing; across nodes it asks the home node of the name. Without options the store has
  /// those of its table in the file RuntimeOptions::stores; if there is none, those in force, or the defaults
  /// if this call opens it first. Throws Error: `invalid_argument` (a name is 1 byte to 64 KiB),
  /// `options_differ` (opened with other options before), `closed`, `unsupported` (none of the 4294967292
  /// store numbers is left, or none for the home node of the name; or the store lacks an ability that
  /// StoreOptions::needs names), `out_of_memory`, `timeout`, `peer_lost` (the home node of the name is lost).
  /// With StoreOptions::connector the store is over another backend, and the errors are also those of
  /// locum::open_session().
  [[nodiscard]] Store store(std::string_view name) const;
  [[nodiscard]] Store store(std::string_view name, const StoreOptions& options) const;

  /// Blocks until all names that this rank has put or replaced before, in stores over `nodes+` with
  /// `nodes.write=back`, are in their backends, and those that dead ranks of its node have left. Other stores
  /// have nothing to write. Not collective; any thread may call. Returns the first error of a backend
  /// (unwritten objects stay in memory, and are tried again every second), `timeout`, `closed`.
  [[nodiscard]] Result<void> flush(Deadline deadline = {}) const;

  /// Returns a proxy for the object of a handle, of any store of this runtime, including those over backends
  /// that this rank has opened. Transfers nothing; a defective handle is reported on first use. Throws Error
  /// `closed`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle) {
    require_open("proxy");
    return session_of(handle).template proxy<T>(handle);
  }
  /// Overload for an object written by a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) {
    require_open("proxy");
    return session_of(handle).template proxy<T>(handle, by);
  }

  /// Overload for an object whose type is known only at run time. Include `raw_proxy.hpp`.
  [[nodiscard]] RawProxy raw_proxy(const Handle& handle);

  /// Returns a proxy for a box of a dataset in an HDF5 file that any program may have written:
  /// `proxy_from_hdf5<double>("input.h5", "/T", {.slab = {.start = {0, 8}, .count = {4, 2}}})`. Not
  /// collective. Opens the file, and reads its description of the dataset, in the calling thread. The
  /// elements are read when the proxy, or one for its handle, is first used or prefetched on any rank, into
  /// the memory of that node: once in the job, however many ranks ask for the same box of the same file. They
  /// are then an unnamed object of `options.store`, an array with the extents of the box, until it is evicted
  /// by its key, or dropped with its store. Ranks that use it must see the file under the same path. `T` is
  /// an integer of 8 to 64 bits, float or double, and is that of the dataset, in any byte order.
  /// docs/guide/hdf5.md has more.
  ///
  /// Errors: `not_found` (no such file, or no such dataset in it), `type_mismatch` (names both types),
  /// `invalid_argument` (the dataset has no such box), `corrupt` (no HDF5 file, or one that ends too early),
  /// `unsupported` (elements that are no numbers; more than 8 dimensions; a library built without HDF5),
  /// `system`, `closed`, and those of Store::put. On first use also `stale` (the file was changed meanwhile)
  /// and `out_of_memory` (the box is larger than what the node has free).
  template <class T>
  [[nodiscard]] Result<Proxy<T[]>> proxy_from_hdf5(std::string_view path, std::string_view dataset,
                                                   const Hdf5Options& options = {}) {
    constexpr bool is_complex = TypeName<T>::value == "c64" || TypeName<T>::value == "c128";
    static_assert(
        is_complex ||
            (std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>),
        "locum reads numbers from HDF5 files: integers of 8 to 64 bits, float or double, and complex "
        "numbers of these two");
    const auto part = part_of_hdf5(path, dataset, TypeName<T>::value, options);
    return part ? Result<Proxy<T[]>>(part->session.template proxy<T[]>(part->handle))
                : Result<Proxy<T[]>>(part.error());
  }

  /// Overload for a dataset whose type is known only at run time. Of type `element`, such as `f64`, or, if
  /// that is empty, whatever its elements are. Include `raw_proxy.hpp`.
  [[nodiscard]] Result<RawProxy> raw_proxy_from_hdf5(std::string_view path, std::string_view dataset,
                                                     std::string_view element = {},
                                                     const Hdf5Options& options = {});

  /// Returns the files of a URL: what is loaded of them is loaded once for all ranks of a node, which read it
  /// in place. Not collective: any rank may load any file. Include `<locum/files.hpp>`. Throws the errors of
  /// the constructor of Files, and `closed`.
  [[nodiscard]] Files files(std::string_view url) const;
  [[nodiscard]] Files files(std::string_view url, const FilesOptions& options) const;

  /// Ends a store and evicts all its objects. Collective. Afterwards no rank finds any of them, and Store
  /// values of it return `closed`. The name is free for a new store. A store that no rank opened may be
  /// dropped. Waits until `deadline` for the other ranks.
  void drop(std::string_view name, Deadline deadline = {});

  /// Writes the objects of a store to files, from which restore() makes them again in a later job.
  /// Collective. They may be read meanwhile; objects put or evicted meanwhile may be included or not. `path`
  /// names an HDF5 file, which refers to one file a node in the folder `path`.parts: keep and copy both. All
  /// ranks must see the same files there. An older checkpoint of that path is replaced: it is whole until the
  /// new one is, whichever process dies in between. Blocks until the bytes are on the disk. Unset promises,
  /// streams of steps and task queues are not written. HDF5 is called in the calling thread.
  /// docs/checkpoint.md has the format.
  ///
  /// Errors, the same one on all ranks: `not_found` (no rank opened that store), `system` (the disk is full,
  /// no such folder, no permission, that path is being written), `corrupt` (an object is damaged),
  /// `invalid_argument` (`keep`, and a path without a number), `unsupported` (a library built without HDF5),
  /// `timeout`, `peer_lost`. None of them changes an older checkpoint.
  [[nodiscard]] Result<CheckpointReport> checkpoint(std::string_view store, std::string_view path,
                                                    const CheckpointOptions& options = {});
  /// Writes a checkpoint in the background. Collective. Returns when the objects are pinned and the files are
  /// made; from then on objects may be evicted or replaced without effect on the checkpoint, but their memory
  /// is freed only when it has ended. A thread of the library writes the bytes on one rank of each node. HDF5
  /// and MPI are called only before this returns, in the calling thread.
  ///
  /// The result ends by itself on all ranks, with the same report or error: an error of the call, or of
  /// checkpoint(); `timeout` at its deadline, from which on nothing more is written. The result need not be
  /// kept or read: dropping or cancelling it does not stop the checkpoint. Only the end of the runtime does,
  /// when close() has waited for it until its deadline: `timeout`. After `peer_lost` and `timeout` the new
  /// checkpoint may exist nevertheless; either it or the older one exists, whole. While a path is being
  /// written, another checkpoint of it is `system`.
  [[nodiscard]] AsyncResult<CheckpointReport> checkpoint_async(std::string_view store, std::string_view path,
                                                               const CheckpointOptions& options = {});
  /// Makes the objects of a checkpoint again, in a store of any name, on any number of ranks and nodes, each
  /// of which gets about as many bytes. Collective. They keep their names and get new keys. Handles made in
  /// any earlier job stay valid, and identify the restored objects. The store gets the options that it had.
  /// With `lazy` only names and handles are made, and each object is read from its file when a rank first
  /// uses it, once in the job (see RestoreOptions).
  ///
  /// Errors, the same one on all ranks: `not_found` (no checkpoint of that path, or one of its files is
  /// missing), `corrupt` (not a checkpoint; or a damaged one: the error names the object), `key_exists` (the
  /// store has such a name), `out_of_memory`, `unsupported` (a newer format, or a library built without
  /// HDF5), `system`, `timeout`, `peer_lost`. After an error nothing was restored.
  [[nodiscard]] Result<CheckpointReport> restore(std::string_view store, std::string_view path,
                                                 const RestoreOptions& options = {});

  /// Restores the latest of the checkpoints whose paths differ in a number only, as restore() does.
  /// Collective. `pattern` is their path with a `*` in place of the number, which is in the file name:
  /// "run17/step*.h5". The latest is the one written last. One that is damaged, or lacks files, is passed
  /// over, and the one before is restored: CheckpointReport names it, and the reason. With `skip_damaged` the
  /// latest that can be read at all is restored, as far as it is whole.
  ///
  /// Errors: `not_found` (there is none), `corrupt` (there are some, and none is whole), `invalid_argument`
  /// (not such a pattern), and those of restore().
  [[nodiscard]] Result<CheckpointReport> restore_latest(std::string_view store, std::string_view pattern,
                                                        const RestoreOptions& options = {});

  /// Returns whether the scheduler has notified any rank, by the signal RuntimeOptions::checkpoint_signal,
  /// that the job ends soon. Collective, with the same result on all ranks. Each signal is reported once, and
  /// perhaps again if it reaches a rank later. For the end of a step: `if (runtime.checkpoint_requested()) {
  /// … }`. Waits for the other ranks until `deadline`; one exchange of 128 bytes a rank. Throws Error
  /// `timeout`, `peer_lost`.
  [[nodiscard]] bool checkpoint_requested(Deadline deadline = {});

  /// Describes `ranks`, which write or read a stream of steps together; all of them are ranks of this
  /// runtime. Collective over `ranks`. Used by the constructors of StepWriter and StepReader. Works on a
  /// duplicate of `ranks`. Throws Error `timeout` and `peer_lost` as the runtime's own collective calls do.
  [[nodiscard]] StepSide step_side(MPI_Comm ranks);

  /// Returns the ranks that died while the runtime was open, ascending, as far as this rank knows: those of
  /// its own node within 200 ms, others once a request to them has failed. After close(), if no rank died,
  /// the ranks of this node that closed without waiting for this one. Local; any thread may call. Throws
  /// Error `closed` in a process forked from a rank.
  [[nodiscard]] std::vector<int> lost_ranks() const;

  /// Returns a text with the memory, objects and paths of this rank, and the lost ranks. Includes calls of
  /// stores over backends. Local. Throws Error `closed` in a process forked from a rank.
  [[nodiscard]] std::string report() const;
  /// Returns report() for each rank, per node and in total. Collective; all ranks get the same text.
  [[nodiscard]] std::string report_all(Deadline deadline = {});
  /// Returns a text about nodes, ranks and memory, the connection of the nodes, MPI, limits of the processes,
  /// and which of these is slow or risky, with advice. Collective; all ranks get the same text. For people;
  /// see LOCUM_LOG and locum-info.
  [[nodiscard]] std::string describe(Deadline deadline = {});
  /// Returns live counters of this rank.
  [[nodiscard]] const Metrics& metrics() const noexcept;

  /// Returns the options in force: those given, overridden by the environment.
  [[nodiscard]] const RuntimeOptions& options() const noexcept;
  /// Returns this rank; size(): the number of ranks in the communicator given.
  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int size() const noexcept;
  /// Returns the node of this rank; nodes(): the number of nodes. Ranks of one node share memory.
  [[nodiscard]] int node() const noexcept;
  [[nodiscard]] int nodes() const noexcept;
  /// Returns the random number that identifies this runtime; the same on all its ranks.
  [[nodiscard]] std::uint64_t incarnation() const noexcept;

  /// Ends the runtime before its destructor does. Collective. Calls on it and on its stores return `closed`
  /// from then on; views stay valid, and keep their memory, until they are destroyed. Waits until `deadline`
  /// for the other ranks; throws `timeout` if they do not join, but this rank's part is closed even then.
  /// With ranks lost, or if one of this node has closed without waiting for the others, it does not wait,
  /// closes only this rank's part and returns: see lost_ranks(). `invalid_argument` after `MPI_Finalize`; the
  /// destructor then closes the rest. Closing twice is allowed, and local.
  void close(Deadline deadline = {});

 private:
  struct State;

  /// A part of a file, and the session that has the store for its elements.
  struct StoredPart {
    Session session;
    Handle handle;
  };

  [[nodiscard]] Result<StoredPart> part_of_hdf5(std::string_view path, std::string_view dataset,
                                                std::string_view element, const Hdf5Options& options);
  [[nodiscard]] Session session_of(const Handle& handle) const;
  template <class Work>
  auto collectively(const char* call, std::string_view store, Deadline deadline, Work work)
      -> decltype(work(std::declval<Session&>(), Deadline::Clock::time_point()));
  void require_open(const char* call) const;
  /// Returns the session of the stores in the nodes' memory. Throws Error `closed`.
  [[nodiscard]] Session session(const char* call) const;
  void require_rank(const char* call) const;
  void require_mpi(const char* call) const;
  [[nodiscard]] std::string describe_transport() const;
  [[nodiscard]] std::string describe_reads() const;
  [[nodiscard]] JobFacts job_facts() const;
  void finish_checkpoints(Deadline deadline) noexcept;
  void end_session() noexcept;
  void close_transport() noexcept;
  void close_in_destructor() noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace locum
