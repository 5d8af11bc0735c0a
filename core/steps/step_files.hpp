#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/object/object.hpp"
#include "core/ports/file_reader.hpp"
#include "core/steps/step_record.hpp"

namespace locum::detail {

/// The file of a stream, for the writer with index 0: shows steps of which all parts are on the disk. One
/// thread at a time. While it exists, readers know that steps may follow.
class StepIndex {
 public:
  virtual ~StepIndex() = default;
  /// From now on readers see the step, whatever dies. REQUIRES: all its parts were written.
  [[nodiscard]] virtual Result<void> show(std::uint64_t number, const StepRecord& step) = 0;
  /// There are no more steps: the stream has ended, or failed.
  [[nodiscard]] virtual Result<void> end(const std::optional<Error>& failure) = 0;
};

/// Streams of steps in files. Any thread.
class StepFiles {
 public:
  enum class State : std::uint8_t {
    open,       ///< steps may follow
    ended,      ///< its writer has closed it
    failed,     ///< the stream has failed, and its writer has said why
    abandoned,  ///< its writer is gone, and has not closed it
  };

  virtual ~StepFiles() = default;
  /// Makes the file of a stream, without steps. `key_exists` if there is such a file.
  [[nodiscard]] virtual Result<std::shared_ptr<StepIndex>> create(const std::string& path,
                                                                  std::uint64_t writers) = 0;
  /// Writes what one writer has of a step, and waits until it is on the disk. Enters into the part's blocks
  /// what is said there of steps in files. `objects`: the blocks, in the order of the part's.
  [[nodiscard]] virtual Result<void> write_part(const std::string& path, std::uint64_t number,
                                                std::uint64_t writer, StepRecord& part,
                                                std::span<const ObjectView> objects) = 0;
  /// A step that is shown; none if there is none of that number yet. `not_found` if there is no such file,
  /// `corrupt`.
  [[nodiscard]] virtual Result<std::optional<StepRecord>> read(const std::string& path,
                                                               std::uint64_t number) = 0;
  [[nodiscard]] virtual Result<State> state(const std::string& path) = 0;
  /// Why a stream has failed whose state is that.
  [[nodiscard]] virtual Error failure(const std::string& path) = 0;
  /// How many steps are shown by now. Errors as state() has them.
  [[nodiscard]] virtual Result<std::uint64_t> count(const std::string& path) = 0;
  /// Where a block of a step is, in order to be read.
  [[nodiscard]] virtual Result<FilePart> find(const std::string& path, std::uint64_t number,
                                              const BlockRecord& block) = 0;
};

}  // namespace locum::detail
