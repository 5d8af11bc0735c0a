#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/checkpoint_options.hpp"
#include "core/value/key.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

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
    storage::PartReader reader;
    std::vector<const storage::ObjectRow*> rows;  ///< of the reader; they are whole
  };
  std::vector<Part> parts;
  /// By the identity of an object's key: identities that other handles of it have.
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> handles;
};

/// Reads the tables of all parts, each on one rank, and gives each rank its share: the objects as they lie in
/// the files, in stretches that cost about the same. Collective over the group of the job. Throws Error, the
/// same one on all ranks.
[[nodiscard]] RestoreShare share_objects(const CheckpointJob& job, const storage::MasterFile& master,
                                         const RestoreOptions& options, LeftOut& left_out);

/// The key that an object had in the runtime that wrote the checkpoint, and what identifies its handles.
[[nodiscard]] Key former_key(const storage::MasterFile& master, const storage::ObjectRow& row) noexcept;
[[nodiscard]] std::uint64_t identity_of(const storage::MasterFile& master,
                                        const storage::ObjectRow& row) noexcept;

}  // namespace locum
