#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/checkpoint_options.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "core/value/key.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

/// What this rank has found damaged or missing, and left out.
struct LeftOut {
  static constexpr std::size_t most_listed = 100;

  void add(std::string text, std::uint64_t left_out);

  std::uint64_t objects = 0;
  std::vector<std::string> texts;  ///< at most so many; none has a line break
};

/// What one rank restores of a checkpoint.
struct RestoreShare {
  struct Part {
    std::unique_ptr<PartReading> reader;
    std::vector<std::size_t> objects;  ///< of the reader; they are whole
  };
  std::vector<Part> parts;
  /// By the identity of an object's key: identities that other handles of it have.
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> handles;
};

/// Reads the tables of all parts, each on one rank, and gives each rank its share: the objects as they lie in
/// the files, in stretches that cost about the same. Collective over the group of the job. Throws Error, the
/// same one on all ranks.
[[nodiscard]] RestoreShare share_objects(const CheckpointJob& job, const CheckpointReading& checkpoint,
                                         const RestoreOptions& options, LeftOut& left_out);

/// Returns what identifies the handles of an object. \param former its key when it was written
[[nodiscard]] std::uint64_t identity_of(const CheckpointContents& contents, const Key& former) noexcept;

}  // namespace locum
