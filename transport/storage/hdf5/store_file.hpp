#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/value/error.hpp"
#include "core/value/result.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// The HDF5 file of the backend `hdf5:`. HDF5 keeps no journal: who ends within a change leaves a file in
/// which some of it is written. So a word of the file says, in a dataset of its own, that a change is being
/// made; it is written without HDF5. Who finds that at opening refuses the file. One thread at a time.
class StoreFile {
 public:
  struct Options {
    bool only_reads = false;
    bool syncs = true;           ///< a change is on the disk when it has ended
    bool locks = true;           ///< no other session writes it
    bool takes_damaged = false;  ///< if it only reads
  };
  /// Opens the file, or makes it if it is to be written. Throws Error: `not_found`, `invalid_argument` (it is
  /// no file of this backend), `corrupt`, `unsupported` (of a later version), `system` (it is open elsewhere,
  /// with what to do). Waits some 200 ms for another session. REQUIRES of this and the destructor: the
  /// caller does not hold hdf5_mutex(), which they take.
  StoreFile(std::string path, const Options& options);
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;
  ~StoreFile();

  /// REQUIRES, for all that is done with it: hdf5_mutex() is held.
  [[nodiscard]] const Identifier& hdf5() const noexcept { return hdf5_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool only_reads() const noexcept { return options_.only_reads; }
  [[nodiscard]] Result<std::uint64_t> size() const;

  /// Takes room of the disk for a record of so many bytes. `system` if there is none.
  [[nodiscard]] Result<void> take_room(std::uint64_t bytes) const;
  /// Before a change: marks the file, if it is not yet. `system`; the error of an earlier change that failed.
  [[nodiscard]] Result<void> begin_change();
  /// After changes: has HDF5 write them, waits for the disk, and takes the mark away. Takes hdf5_mutex().
  [[nodiscard]] Result<void> end_changes();
  /// Nothing is known of the file any more: the mark stays, and it is not changed again.
  void give_up(const Error& why) { failure_ = why; }

  /// Bytes of a dataset, at their place in the file, without HDF5. `timeout`, `corrupt` (the file ends
  /// before), `system`.
  [[nodiscard]] Result<void> read_at(std::uint64_t offset, std::span<std::byte> into,
                                     Deadline deadline) const;
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes,
                                      Deadline deadline) const;

 private:
  [[nodiscard]] Result<void> mark(std::uint64_t state) const;
  [[nodiscard]] Result<void> sync() const;

  const std::string path_;
  const Options options_;
  std::optional<WritingLock> lock_;
  Descriptor descriptor_;
  Identifier hdf5_;
  std::uint64_t mark_at_ = 0;  ///< where the word is in the file
  bool is_changing_ = false;   ///< the word says so
  bool has_changed_ = false;   ///< since it was opened
  std::optional<Error> failure_;
};

}  // namespace locum::storage
