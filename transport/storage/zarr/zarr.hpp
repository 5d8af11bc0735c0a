#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <locum/array.hpp>
#include <locum/deadline.hpp>
#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/files.hpp>
#include <locum/hyperslab.hpp>
#include <locum/raw_array.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>

/// \file
/// Arrays of Zarr: larger than memory, in chunks that are files of their own, or objects of any backend that
/// lists. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

namespace detail {
class ZarrState;
}

/// How a new array of Zarr is laid out.
struct ZarrLayout {
  ElementType type = {};  ///< of the elements: `ElementType::of<double>()`
  Extents shape = {};     ///< none: one element alone
  Extents chunks = {};    ///< extents of a chunk; none: chosen, of about 1 MiB
  /// Extents of a shard, a file that holds several chunks (version 3): multiples of those of a chunk. None:
  /// each chunk is a file. The larger unit of the two is what one rank is to write at a time.
  Extents shards = {};
  /// What compresses a chunk, in the order of encoding: `zstd(3)`, `blosc(lz4)`, `gzip(5), crc32c`. Empty:
  /// nothing does. In version 3 zstd adds a checksum, unless it is `zstd(1, checksum=false)`.
  std::string_view codecs = "zstd(1)";
  Array fill = {};  ///< one element: the value of elements that were never written; none: zeros
  std::vector<std::string> dimensions = {};  ///< their names (version 3); empty: none
  Record attributes = {};                    ///< members of any values
  int version = 3;                           ///< of the format: 2 or 3
};

/// Which chunks ZarrArray::read() decodes into the memory of the node, once for all of its ranks that share
/// the session of the Files: others, and this one later, copy elements from there. One rank's chunks take a
/// 256th of the node's memory there, and RuntimeOptions::decoded_cache_bytes, at most; the oldest ones go
/// first, and all when the last copy of the Files and their arrays goes, or FilesOptions::kept has passed.
/// Chunks of less than 32 KiB, and those that have no room there, each call decodes for itself.
enum class SharedChunks : std::uint8_t {
  none,
  parts,  ///< those of which the box has a part: whole ones are decoded to where the caller wants them
  /// For boxes that several ranks of the node read: each decodes some of the chunks. A box within one chunk
  /// is shown in place, and keeps the chunk there.
  all,
};

/// Options of ZarrArray::read(), read_to() and prefetch().
struct ZarrRead {
  /// Elements that were never written are `not_found`, and the error names the file; else they have the fill
  /// value. Some programs leave out chunks that have the fill value alone.
  bool strict = false;
  SharedChunks shared = SharedChunks::parts;
};

/// What ZarrArray::write() does with a file that the elements cover in part.
enum class PartialFiles : std::uint8_t {
  refuse,  ///< `invalid_argument`
  /// Reads it, and writes it whole with the new elements. Threads, ranks and programs that write an array
  /// with this may write elements of the same files at the same time: each takes a lock of the file, or where
  /// files are objects of a backend repeats what another came before. They all write with this, also those
  /// who write whole files.
  read_modify_write,
};

/// Options of ZarrArray::write().
struct ZarrWrite {
  PartialFiles partial = PartialFiles::refuse;
  /// Of waiting for others who change the same file; 10 minutes by default.
  TimeLimit deadline = {};
};

/// Options of ZarrArray::append().
struct ZarrAppend {
  /// Of waiting for others who change the last file, or append to this value; 10 minutes by default.
  TimeLimit deadline = {};
};

/// An array of Zarr, of version 2 or 3: `auto T = ZarrArray::open(files, "T.zarr").value(); auto slab =
/// T.read({.start = {40, 0}, .count = {1, nx}}).value();` Elements are in chunks; each chunk, or shard of
/// chunks, is a file, which is read and written whole but for the chunks of a shard, which are read alone.
/// Each is written atomically.
///
/// Several threads, ranks or programs may write at a time if no two of them write the same file: a box that
/// covers a chunk (or shard) in part is refused. With PartialFiles::read_modify_write they may write any
/// boxes that do not overlap.
///
/// A cheap value; copies are the same array. Any thread may call; calls block while the file system does.
class ZarrArray {
 public:
  /// Opens the array in a folder of these files. `not_found` if there is none; `invalid_argument` if it is a
  /// group; `corrupt`, `unsupported` name what its metadata say.
  [[nodiscard]] static Result<ZarrArray> open(const Files& files, std::string_view path,
                                              const PathOptions& options = {});
  /// Makes an array, in a folder that is made for it. `key_exists` if there is an array or a group;
  /// `invalid_argument` names what is wrong with the layout.
  [[nodiscard]] static Result<ZarrArray> create(const Files& files, std::string_view path,
                                                const ZarrLayout& layout, const PathOptions& options = {});

  [[nodiscard]] ElementType element() const;
  /// Returns the extents as of the last open, append() or resize() by this value or its copies.
  [[nodiscard]] Extents shape() const;
  /// Returns the extents of a chunk.
  [[nodiscard]] Extents chunks() const;
  /// Returns the extents of what one file holds: of a shard, or of a chunk.
  [[nodiscard]] Extents file_extents() const;
  [[nodiscard]] int version() const;
  /// Returns the names of the dimensions; empty where there is none.
  [[nodiscard]] std::vector<std::string> dimensions() const;
  [[nodiscard]] Record attributes() const;

  /// Reads a box, or all elements; chunks that were never written have the fill value. `invalid_argument` if
  /// it is no box of the array; `corrupt` names the file; `out_of_memory`; `not_found` with ZarrRead::strict.
  [[nodiscard]] Result<Array> read(const Hyperslab& box = {}, const ZarrRead& options = {}) const;
  /// Reads a box to an array of the program, of the same type and of the extents `box.count`. The same
  /// errors; `type_mismatch`.
  [[nodiscard]] Result<void> read_to(const RawArray& into, const Hyperslab& box = {},
                                     const ZarrRead& options = {}) const;
  /// Begins to read a box in the background, by one thread, for a read() or read_to() of the same box with
  /// the same options, which waits for it and takes it (read_to() copies it): the next slab, while the
  /// program computes. One box at a time, in memory of its size: another prefetch() drops it, as do write(),
  /// append() and resize() of this value or its copies; what others write meanwhile may be in it or not. An
  /// error is that of the read(), which repeats it. The last copy of this value waits until the thread has
  /// read its chunk. `invalid_argument` if it is no box of the array; `system` if the system allows no
  /// thread.
  [[nodiscard]] Result<void> prefetch(const Hyperslab& box, const ZarrRead& options = {}) const;
  /// Writes elements from `start` on. `invalid_argument` if they are not all in the array, or if they cover a
  /// file in part (see file_extents()) and the options do not allow that: the error names it;
  /// `type_mismatch`; `system`. With PartialFiles::read_modify_write also `corrupt` if the file is damaged,
  /// `timeout`, and `unsupported` if its folder has no locks, or the backend does not decide between two
  /// writers.
  [[nodiscard]] Result<void> write(const ConstRawArray& values, const Coordinates& start = {},
                                   const ZarrWrite& options = {}) const;
  /// Overload for ranges and strided arrays of numbers, which are not copied before they are encoded.
  template <class T>
    requires std::is_constructible_v<Array, const T&>
  [[nodiscard]] Result<void> write(const T& values, const Coordinates& start = {},
                                   const ZarrWrite& options = {}) const {
    return write(shown(values), start, options);
  }
  /// Writes elements behind the last ones in the first dimension, as others have left it, then the new
  /// extents: who is killed meanwhile leaves the array as it was. A last file that is not full is read,
  /// changed and written whole, as with PartialFiles::read_modify_write. Programs
  /// append one after the other where the files are in a folder that has locks; elsewhere let one do so: of
  /// two, one gets `stale`, and elements that both have added are those of either. `invalid_argument` if the
  /// array has no dimensions, or other extents than the elements in one but the first; the errors of write()
  /// and resize(); `timeout`.
  [[nodiscard]] Result<void> append(const ConstRawArray& values, const ZarrAppend& options = {}) const;
  /// Overload for ranges and strided arrays of numbers.
  template <class T>
    requires std::is_constructible_v<Array, const T&>
  [[nodiscard]] Result<void> append(const T& values, const ZarrAppend& options = {}) const {
    return append(shown(values), options);
  }
  /// Changes the extents. Elements outside are not shown any more; their files stay, and show them again if
  /// the array grows. `stale` as with append().
  [[nodiscard]] Result<void> resize(const Extents& shape) const;
  /// Replaces the attributes. `stale` as with append().
  [[nodiscard]] Result<void> set_attributes(const Record& attributes) const;

  /// \cond library
  explicit ZarrArray(std::shared_ptr<detail::ZarrState> state) : state_(std::move(state)) {}
  [[nodiscard]] const std::shared_ptr<detail::ZarrState>& state() const noexcept { return state_; }
  /// \endcond

 private:
  template <class T>
  [[nodiscard]] static ConstRawArray shown(const T& values) {
    if constexpr (std::is_convertible_v<const T&, ConstRawArray>) {
      return values;
    } else if constexpr (std::is_same_v<T, Array>) {
      return values.raw();
    } else {
      return Array::shown(values);
    }
  }

  std::shared_ptr<detail::ZarrState> state_;
};

}  // namespace locum
