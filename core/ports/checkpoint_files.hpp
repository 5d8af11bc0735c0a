#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/object/object.hpp"
#include "core/ports/file_reader.hpp"
#include "core/value/options.hpp"

namespace locum {

struct CheckpointOptions;

/// Identifies a checkpoint in each of its files.
struct CheckpointFacts {
  std::uint64_t id = 0;  ///< random
  std::uint64_t parts = 0;
};

/// A part of a checkpoint, which is the file of one node.
struct PartRow {
  std::uint64_t objects = 0;
  std::uint64_t file_bytes = 0;
};

/// A store whose handles the checkpoint can resolve: the one that was written, and those that it was restored
/// from.
struct OriginRow {
  std::uint64_t incarnation = 0;
  std::uint64_t store = 0;
};

/// One more identity that handles of an object have (see former_identity()), beside that of its key: of a
/// promise that was kept with it, of a runtime from which it was restored.
struct HandleRow {
  std::uint64_t identity = 0;
  std::uint64_t object = 0;  ///< the identity of its key; it may be in any part
};

/// Contents of the file that makes a checkpoint of its parts, as far as ranks need them.
struct CheckpointContents {
  CheckpointFacts facts;
  StoreOptions store_options;      ///< those that the store was opened with
  std::vector<OriginRow> origins;  ///< the store itself comes first
  std::vector<PartRow> parts;      ///< in the order of nodes
  std::string parts_folder;        ///< as it is to be opened
};

/// An object in memory that is to be written.
struct WrittenObject {
  ObjectView view;
  bool unnamed = false;  ///< its name is not to be kept
};

/// The objects and facts of which a part of a checkpoint is made.
struct PartDraft {
  CheckpointFacts facts{};
  std::uint64_t node = 0;
  std::string store_name{};
  std::uint32_t store = 0;
  std::vector<WrittenObject> objects{};
  std::vector<HandleRow> handles{};
};

/// The part of one node, while it is written. Its functions throw Error. One thread at a time.
class PartWriting {
 public:
  struct Sizes {
    PartRow row;
    std::uint64_t payload_bytes = 0;
    std::uint64_t reused_bytes = 0;  ///< those of payload_bytes that files of an earlier checkpoint have
  };

  PartWriting() = default;
  PartWriting(const PartWriting&) = delete;
  PartWriting& operator=(const PartWriting&) = delete;
  virtual ~PartWriting() = default;

  [[nodiscard]] virtual Sizes sizes() const noexcept = 0;
  /// Writes the objects, unpins them, and gives the file its name. Calls neither HDF5 nor MPI. `pause` is
  /// called before each write of 2 MiB at most; what it throws ends the writing.
  virtual void write(const std::function<void()>& pause) = 0;
  /// Removes the names that write() has given.
  virtual void take_back() noexcept = 0;
  /// Lets the next incremental part of this store share the files of this one. Without memory for that, it
  /// does not. REQUIRES: the checkpoint is complete.
  virtual void remember() noexcept = 0;
};

/// The file that makes a checkpoint of its parts, while it is written; on one rank. From its construction to
/// its destruction nobody else writes a checkpoint to that path. Its functions throw Error.
class CheckpointWrites {
 public:
  CheckpointWrites() = default;
  CheckpointWrites(const CheckpointWrites&) = delete;
  CheckpointWrites& operator=(const CheckpointWrites&) = delete;
  virtual ~CheckpointWrites() = default;

  /// Makes the file under a temporary name, without the folder of the contents. REQUIRES: all parts are made.
  virtual void make(CheckpointContents contents) = 0;
  /// Gives the file its name: the checkpoint exists, and replaces an older one. Removes those that are not to
  /// be kept. REQUIRES: all parts are written.
  virtual void publish() = 0;
};

/// A part of a checkpoint that is read. Nothing in it is trusted. Objects are addressed by their places in
/// its table. Its functions throw Error: `corrupt`, `not_found`, `system`. One thread at a time.
class PartReading {
 public:
  PartReading() = default;
  PartReading(const PartReading&) = delete;
  PartReading& operator=(const PartReading&) = delete;
  virtual ~PartReading() = default;

  /// Returns the number of objects in the table.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// Returns whether the row of an object and its texts are those that were written. The other functions
  /// require that.
  [[nodiscard]] virtual bool is_whole(std::size_t at) const noexcept = 0;
  /// Returns the facts, with the key that the object had when it was written. Texts live as long as this.
  [[nodiscard]] virtual ObjectFacts facts(std::size_t at) const = 0;
  /// Returns the table of handles. Throws `corrupt` if it is not the one that was written.
  [[nodiscard]] virtual std::span<const HandleRow> handles() const = 0;
  /// Returns those objects' rows and texts, from which CheckpointReading::open_packed() makes a reader of the
  /// same part on another rank.
  [[nodiscard]] virtual std::vector<std::byte> packed(std::span<const std::size_t> objects) const = 0;
  /// Reads the bytes of an object, and checks them. REQUIRES: `bytes` has the object's size.
  virtual void read(std::size_t at, std::span<std::byte> bytes) = 0;
  /// Returns where the object is, to be read later, without its name. \param must_exist throws if the file
  /// with its bytes is missing, or has another size
  [[nodiscard]] virtual FilePart file_part(std::size_t at, bool must_exist) const = 0;
  /// Returns the path of the part, for errors.
  [[nodiscard]] virtual const std::string& path() const noexcept = 0;
};

/// A checkpoint that is read. Its functions throw Error, as those of PartReading.
class CheckpointReading {
 public:
  CheckpointReading() = default;
  CheckpointReading(const CheckpointReading&) = delete;
  CheckpointReading& operator=(const CheckpointReading&) = delete;
  virtual ~CheckpointReading() = default;

  [[nodiscard]] virtual const CheckpointContents& contents() const noexcept = 0;
  /// Reads the table of a part. \param must_be_whole throws, and names an object, if a file is missing that
  /// the part shares with an earlier checkpoint
  [[nodiscard]] virtual std::unique_ptr<PartReading> open(std::size_t part, bool must_be_whole) const = 0;
  /// Opens a part without reading its table. \param packed see PartReading::packed()
  [[nodiscard]] virtual std::unique_ptr<PartReading> open_packed(std::size_t part,
                                                                 std::span<const std::byte> packed) const = 0;
};

/// A file of a series that may be a checkpoint.
struct CheckpointCandidate {
  std::string path;
  std::string why_not;  ///< why it is no checkpoint; empty: it is one
};

/// The files of checkpoints. One instance for the checkpoints of a runtime: what one of them leaves to later
/// ones is kept here. Paths are resolved. Functions throw Error. Any thread may call.
class CheckpointFiles {
 public:
  CheckpointFiles() = default;
  CheckpointFiles(const CheckpointFiles&) = delete;
  CheckpointFiles& operator=(const CheckpointFiles&) = delete;
  virtual ~CheckpointFiles() = default;

  /// Begins a checkpoint: takes the lock of its path, removes what jobs that died have left there, and makes
  /// the folder of the parts. Throws `invalid_argument`, `unsupported` for options that cannot be met.
  [[nodiscard]] virtual std::unique_ptr<CheckpointWrites> begin(const std::string& path,
                                                                const std::string& store_name,
                                                                const CheckpointOptions& options) = 0;
  /// Makes a part of the checkpoint at `path`, with place for all bytes, under a temporary name. REQUIRES:
  /// some rank holds what begin() has returned.
  [[nodiscard]] virtual std::unique_ptr<PartWriting> make_part(const std::string& path, PartDraft draft,
                                                               const CheckpointOptions& options) = 0;
  [[nodiscard]] virtual std::unique_ptr<CheckpointReading> open(const std::string& path) = 0;
  /// Returns the files of a series, the latest checkpoint first, those that are none last. \param pattern of
  /// their paths: a `*` stands in place of the number. `invalid_argument` if there is no such `*`
  [[nodiscard]] virtual std::vector<CheckpointCandidate> find(const std::string& pattern) = 0;
  /// Returns the number of a path in a series: that in place of the `*`, or, where the pattern is empty, the
  /// last one in the file's name before the extension. 0: there is none.
  [[nodiscard]] virtual std::uint64_t number_of(std::string_view path, std::string_view pattern) = 0;
  /// Returns the folder of a checkpoint's parts.
  [[nodiscard]] virtual std::string parts_folder(const std::string& path) = 0;
};

}  // namespace locum
