#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/room_policy.hpp"
#include "core/steps/stream_failure.hpp"
#include "core/value/extents.hpp"
#include "core/value/handle.hpp"
#include "core/value/key.hpp"

namespace locum::detail {

/// A stream: see Stream::name() and Stream::first().
struct StreamRecord {
  static constexpr std::string_view locum_type_name = "locum.stream";

  std::uint64_t number = 0;  ///< of the writing side
  std::uint32_t writers = 0;
  std::uint32_t when_full = 0;  ///< a WhenFull
  std::uint32_t queue_steps = 0;
  std::uint32_t has_file = 0;  ///< 1: the steps are written to one, too
  Handle writer{};             ///< the Presence of the writer with index 0

  /// Whether readers may find steps missing.
  [[nodiscard]] bool may_drop() const noexcept {
    return when_full == static_cast<std::uint32_t>(WhenFull::drop_oldest) ||
           when_full == static_cast<std::uint32_t>(WhenFull::drop_newest);
  }
};

/// The ranks of a reader, under `joined/0`, `joined/1` …
struct SideRecord {
  std::uint64_t side = 0;     ///< StepSide::number
  std::uint64_t group = 0;    ///< see group_number()
  std::vector<Handle> ranks;  ///< their Presences, by index

  template <class Archive>
  void serialize(Archive& archive) {
    archive(side, group, ranks);
  }
};

/// One array or value of a writer in a step.
struct BlockRecord {
  static constexpr std::string_view locum_type_name = "locum.block";

  Key key{};
  std::uint64_t size_bytes = 0;
  std::uint32_t variable = 0;  ///< its place in StepRecord::variables
  std::uint32_t writer = 0;    ///< index of the rank in its side
  std::int32_t node = 0;       ///< of the writer
  std::uint32_t rank = 0;      ///< dimensions: 0 of a value that is no array
  std::array<std::uint64_t, max_rank> start{};
  std::array<std::uint64_t, max_rank> count{};
  // If the step is in a file:
  std::uint32_t place = 0;          ///< among the blocks of its writer
  std::uint32_t element_bytes = 1;  ///< of the object
};

[[nodiscard]] inline Extents extents_of(const BlockRecord& block) noexcept {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(block.rank);
  for (std::size_t at = 0; at < block.rank; ++at) {
    extents.values[at] = block.count[at];
  }
  return extents;
}

/// A variable of a step.
struct VariableRecord {
  std::string name;
  std::string type;                  ///< of its objects
  std::vector<std::uint64_t> shape;  ///< empty of local arrays and of values

  friend bool operator==(const VariableRecord&, const VariableRecord&) = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, type, shape);
  }
};

/// A copy of a small block within the record of its step, which saves readers on other nodes a request.
struct EnclosedRecord {
  static constexpr std::string_view locum_type_name = "locum.enclosed";

  std::uint64_t at = 0;             ///< of its first byte in StepRecord::enclosed_bytes
  std::uint32_t block = 0;          ///< its place in StepRecord::blocks
  std::uint32_t element_bytes = 1;  ///< as in the facts of the object, like the rest
  std::uint32_t layout = 0;
  std::uint32_t rank = 0;
  std::array<std::uint64_t, max_rank> extents{};
};

/// A step, or the part of it that one rank wrote.
struct StepRecord {
  enum class State : std::uint32_t {
    ready,
    ended,   ///< no step: the stream has ended before it
    failed,  ///< no step: a writer was lost before it ended its part, or the step could not be published
  };

  State state = State::ready;
  std::int32_t lost_rank = -1;            ///< if failed, and a rank was lost
  std::uint64_t part = 0;                 ///< of a step: the number of the parts that it was made of
  std::vector<VariableRecord> variables;  ///< ascending by name
  std::vector<BlockRecord> blocks;        ///< of a step: ascending by variable, then by start[0]
  std::vector<EnclosedRecord> enclosed;   ///< ascending by block; possibly of some blocks, or of none
  std::vector<std::byte> enclosed_bytes;

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  /// Whether every block has a variable, and as many dimensions as that, and what is enclosed has its bytes.
  [[nodiscard]] bool is_valid() const noexcept;
  template <class Archive>
  void serialize(Archive& archive) {
    // In files there are no enclosed blocks, and nothing that says so.
    constexpr std::uint32_t encloses = 1U << 16U;
    auto said = static_cast<std::uint32_t>(state) | (enclosed.empty() ? 0U : encloses);
    archive(said, lost_rank, part, variables, blocks);
    if (const auto plain = static_cast<State>(said & ~encloses); plain != state) {
      state = plain;  // it is read
    }
    if ((said & encloses) != 0) {
      archive(enclosed, enclosed_bytes);
    }
  }
};

/// How far a stream is.
struct PublishedRecord {
  static constexpr std::string_view locum_type_name = "locum.published";

  std::uint64_t count = 0;   ///< of the steps published; may be one too low
  std::uint64_t oldest = 0;  ///< all steps before this one are gone for good
};

/// That a side has begun to read a step.
struct BegunRecord {
  static constexpr std::string_view locum_type_name = "locum.begun";

  std::uint64_t side = 0;
  std::uint64_t turn = 0;  ///< of that side

  friend bool operator==(const BegunRecord&, const BegunRecord&) = default;
};

/// How begin() is answered where it does not wait, until a step may be written. Each rank of the writer calls
/// it equally often, at different times, and has to get the same answers: the first `refused` calls for this
/// step fail, and after these, if it is granted, one succeeds. A refusal is decided when all ranks have
/// returned the one before.
struct RefusalsRecord {
  static constexpr std::string_view locum_type_name = "locum.refusals";

  std::uint64_t refused = 0;
  std::uint32_t followed = 0;  ///< ranks that the last refusal was returned to
  std::uint32_t granted = 0;   ///< 1: yes; 0: not decided
  StreamFailure why = {};      ///< the last refusal, as its error tells all ranks
};

/// Whether other writers than that with index 0 may write a step.
struct RoomRecord {
  static constexpr std::string_view locum_type_name = "locum.room";

  std::uint32_t failed = 0;  ///< 1: no, the stream has failed: see Stream::failed()
  std::int32_t lost_rank = -1;
};

/// The copy of a block within the record; null if there is none.
[[nodiscard]] const EnclosedRecord* find_enclosed(const StepRecord& step, const BlockRecord& block) noexcept;

/// The step that these parts make, in order of their writers. REQUIRES: they are valid.
[[nodiscard]] StepRecord merged(const std::vector<StepRecord>& parts);

}  // namespace locum::detail
