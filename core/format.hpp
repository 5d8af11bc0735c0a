#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/array.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>

namespace locum {

/// A file that is being loaded: its bytes, wherever they are. One thread at a time; read() is for several,
/// within concurrently().
class FileBytes {
 public:
  FileBytes() = default;
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  virtual ~FileBytes() = default;

  [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
  /// Reads bytes to memory. `corrupt` if the file ends before them.
  [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// Bytes in memory, and what keeps them.
  struct InPlace {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
  };
  /// Returns all bytes in memory, at an address that is aligned to 64: mapped if the program asked for that,
  /// else read. A mapped file that another program shortens ends this process by SIGBUS.
  [[nodiscard]] virtual Result<InPlace> in_place() = 0;
  /// Whether in_place() maps the file instead of reading it.
  [[nodiscard]] virtual bool is_mapped() const noexcept = 0;
  /// Returns the path of a file of the operating system, for libraries that open it themselves; empty if it
  /// is none.
  [[nodiscard]] virtual const std::string& path() const noexcept = 0;
  /// Calls `call` with each number below `count`, in threads on the processors of this process, and of ranks
  /// of the node that wait for this file meanwhile. Returns when all calls have returned. They are not
  /// ordered, and must not throw.
  virtual void concurrently(std::size_t count, const std::function<void(std::size_t number)>& call) {
    for (std::size_t number = 0; number < count; ++number) {
      call(number);
    }
  }
};

/// A file that is being saved. Nobody sees it before it is complete.
class FileDraft {
 public:
  FileDraft() = default;
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;
  virtual ~FileDraft() = default;

  /// Appends bytes. `system` if they cannot be written.
  [[nodiscard]] virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  /// Replaces bytes that were written. REQUIRES: offset + bytes.size() <= size_bytes().
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  /// Returns how many bytes were appended.
  [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
};

/// Makes memory for the elements of an array that is loaded: often that of an object, so that the elements
/// are written where all ranks of the node read them.
using MakeArray = std::function<Result<ArrayDraft>(const ElementType& element, const Extents& extents)>;

/// An option of a format: `files.save("t.csv", table, {.options = {{"separator", ";"}}})`.
struct FormatOption {
  std::string_view name;
  std::string_view meaning;  ///< one sentence for the table of formats
};

/// What a format can do.
struct FormatTraits {
  std::string_view name;                      ///< `npy`; as in `{.format = "npy"}`
  std::span<const std::string_view> endings;  ///< lower case, with their dots
  std::string_view holds;                     ///< one sentence for the table of formats
  std::span<const FormatOption> options;
  bool loads = true;
  bool saves = true;
};

/// A format of files: how values become bytes and come back. It has no state: threads call it concurrently.
/// What it loads is not trusted. Its errors name the place in the file ("at byte 132") and the reason; the
/// caller adds the path. An unknown option never comes here: the caller has refused it.
class Format {
 public:
  Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;
  virtual ~Format() = default;

  [[nodiscard]] virtual const FormatTraits& traits() const noexcept = 0;
  /// Whether a file that begins with these bytes (at most 512) is probably of this format: the error of a
  /// load of a file whose ending no format has names those that say so.
  [[nodiscard]] virtual bool recognises(std::span<const std::byte> first) const noexcept = 0;
  /// Returns the value. `corrupt` if the bytes are not of this format, or contradict themselves;
  /// `unsupported` if this version cannot read what they say.
  /// `options`: members by the names of the traits, of any values. `make`: where the elements of arrays go.
  [[nodiscard]] virtual Result<Record> load(FileBytes& file, const Record& options,
                                            const MakeArray& make) const = 0;
  /// Writes the value. `type_mismatch` if the format does not hold such values.
  [[nodiscard]] virtual Result<void> save(const Record& value, FileDraft& file,
                                          const Record& options) const = 0;
  /// Returns what the file holds, without reading it all: for an array the members `type` (of its elements)
  /// and `extents` (a list); for several a member for each, by name, with these.
  [[nodiscard]] virtual Result<Record> info(FileBytes& file, const Record& options) const = 0;
};

}  // namespace locum
