#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/detail/read.hpp>
#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>
#include <locum/result.hpp>
#include <locum/step_options.hpp>
#include <locum/strided_array.hpp>
#include <locum/view.hpp>
#include <locum/writer.hpp>

namespace locum {

template <class Byte>
class BasicRawArray;
using RawArray = BasicRawArray<std::byte>;
class RawView;

namespace detail {
class StepFetch;
class StepInput;
}  // namespace detail

/// A variable of a step, as its writers described it.
struct Variable {
  std::string name;
  std::string type;  ///< canonical type of its objects: `f64[]`, `map<char[],i32>` …
  Extents shape;     ///< extents of a global array; rank 0 for local arrays and values
  std::size_t blocks = 0;
  std::uint64_t size_bytes = 0;  ///< sum over all blocks
  ElementType element = {};      ///< of numbers and flat classes, and of arrays of these; else no type
};

/// One rank's block of a variable of a step: an element of InputStep::blocks().
struct StepBlock {
  int writer = 0;          ///< index of the rank that wrote it, among those of the writer
  Coordinates start = {};  ///< position in the global array; zeros for local arrays
  Extents count = {};      ///< rank 0 for a value that is no array
  std::uint64_t size_bytes = 0;
  bool is_here = false;  ///< whether the block is on this node, and so read in place
};

/// Options of InputStep::get(): the block of a variable that it reads, and its deadline.
struct BlockOptions {
  /// Index of the rank that wrote the block, among those of the writer. -1: there is only one block.
  int writer = -1;
  TimeLimit deadline = {};
};

/// A step that this rank reads, made by StepReader. Its destructor releases it; views of it stay valid.
/// Movable; any thread may read.
class InputStep {
 public:
  /// Called by StepReader. `released` is sealed when the step is released.
  InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number,
            std::unique_ptr<const detail::StepFetch> fetch, Writer<std::uint8_t> released);
  InputStep(InputStep&& other) noexcept;
  InputStep& operator=(InputStep&& other) noexcept;
  /// Calls release().
  ~InputStep();

  /// Returns the number of the step in its stream.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Returns the variables of the step, ascending by name.
  [[nodiscard]] std::vector<Variable> variables() const;

  /// Returns the extents of a global array. `not_found` if no variable has this name; `invalid_argument` if
  /// it is no global array, or blocks differ in its shape, `type_mismatch` if they differ in its type.
  [[nodiscard]] Result<Extents> shape(std::string_view name) const;
  /// Returns each rank's block of a variable, ascending by writer; reads no data. `not_found` if there is
  /// none.
  [[nodiscard]] Result<std::vector<StepBlock>> blocks(std::string_view name) const;

  /// Returns a block as it was written, in place if it is on this node: a value, or a local array of one
  /// writer. `not_found` if no rank wrote it; `invalid_argument` if several ranks did and no `writer` is
  /// given; `type_mismatch` if the variable is not of type `T`, or its blocks differ in type; other errors as
  /// Store::get().
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const BlockOptions& options = {}) const {
    constexpr std::string_view type = type_identity<detail::Stored<T>>.name;
    return viewed<T>(name, block(name, type, options), options.deadline);
  }
  /// Returns the bytes of a block of any type, for a program that learns the type at run time, from
  /// variables(): an array's elements as they are in memory, other values as their Serializer wrote them.
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(std::string_view name,
                                                    const BlockOptions& options = {}) const;
  /// Returns a block of any type with its type and extents. Include `raw_view.hpp`.
  [[nodiscard]] Result<RawView> get_raw(std::string_view name, const BlockOptions& options = {}) const;
  /// Reads a box of a global array (see Hyperslab; none: the whole array) from all blocks that intersect it,
  /// as one array with the extents of the box. In place if one block on this node has it contiguously;
  /// otherwise in memory of this node, for the lifetime of the view. Only elements of the box come from other
  /// nodes. A box may have no elements. `type_mismatch` unless all ranks of the writer gave elements of type
  /// `T`; `invalid_argument` if the box is not within the array, two blocks have the same element of it, or
  /// blocks differ in the shape of the array; `not_found` if an element was not written, or there is no such
  /// array.
  template <Flat T>
  [[nodiscard]] Result<View<T[]>> read(std::string_view name, const Hyperslab& box = {},
                                       const CallOptions& options = {}) const {
    return viewed<T[]>(name, box_of(name, detail::array_type<T>, box, options.deadline), options.deadline);
  }
  /// Reads a box into the caller's memory, which may have gaps: `read("V", locum::array(&mine[nx + 3], {ny,
  /// nx}, {nx + 2, 1}), box)`. The extents of `into` are those of the box. Returns the number of elements.
  template <Flat T>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const StridedArray<T>& into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    return copied(name, detail::array_type<T>, box, detail::bytes_of(into), detail::Fit::same_extents,
                  options.deadline);
  }
  /// Reads a box into memory without gaps. `invalid_argument` unless `into` has as many elements as the box.
  template <Flat T, std::size_t N>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, std::span<T, N> into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    return copied(name, detail::array_type<T>, box,
                  detail::bytes_of(locum::array(into.data(), {into.size()})), detail::Fit::elements,
                  options.deadline);
  }
  /// Reads elements whose type is known only at run time (see Variable::element), as bytes.
  [[nodiscard]] Result<View<std::byte[]>> read(std::string_view name, const ElementType& element,
                                               const Hyperslab& box = {},
                                               const CallOptions& options = {}) const;
  /// Reads such elements into memory without gaps. Returns the number of elements. `invalid_argument` unless
  /// `into` has as many bytes as the box.
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const ElementType& element,
                                         std::span<std::byte> into, const Hyperslab& box = {},
                                         const CallOptions& options = {}) const;
  /// Reads such elements into memory with gaps, or with strides of any sign. The extents of `into` are those
  /// of the box.
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const RawArray& into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const;
  /// Returns the local arrays of all writers, concatenated in order of the writers' indices. `type_mismatch`
  /// as read().
  template <Flat T>
  [[nodiscard]] Result<std::vector<T>> joined(std::string_view name, const CallOptions& options = {}) const {
    const auto objects = arrays(name, detail::array_type<T>, options.deadline);
    if (!objects) {
      return objects.error();
    }
    std::vector<T> elements;
    for (const ObjectView& object : *objects) {
      const auto* first = reinterpret_cast<const T*>(object.bytes().data());
      elements.insert(elements.end(), first, first + object.bytes().size() / sizeof(T));
    }
    return elements;
  }
  /// Releases the step on this rank; the writer gets its room back when all ranks have released it. Views
  /// stay valid.
  void release() noexcept;

 private:
  template <class T>
  [[nodiscard]] Result<View<T>> viewed(std::string_view name, Result<ObjectView> object,
                                       TimeLimit deadline) const {
    if (!object) {
      return object.error();
    }
    auto view = detail::read_view<T>(session(), std::move(*object), decoded_how(deadline));
    return view ? std::move(view) : Result<View<T>>(error_of(name, view.error()));
  }
  // Take types as run-time arguments. Their errors name the variable.
  [[nodiscard]] Result<ObjectView> block(std::string_view name, std::string_view type,
                                         const BlockOptions& options) const;
  [[nodiscard]] Result<ObjectView> box_of(std::string_view name, const detail::ArrayType& type,
                                          const Hyperslab& box, TimeLimit deadline) const;
  [[nodiscard]] Result<std::size_t> copied(std::string_view name, const detail::ArrayType& type,
                                           const Hyperslab& box, const detail::StridedBytes& into,
                                           detail::Fit fit, TimeLimit deadline) const;
  [[nodiscard]] Result<std::vector<ObjectView>> arrays(std::string_view name, const detail::ArrayType& type,
                                                       TimeLimit deadline) const;
  [[nodiscard]] Error error_of(std::string_view name, const Error& error) const;
  [[nodiscard]] detail::SessionState& session() const noexcept;
  [[nodiscard]] detail::DecodedHow decoded_how(TimeLimit deadline) const;

  std::shared_ptr<detail::StepInput> input_;  ///< null after release()
  std::uint64_t number_ = 0;
  std::unique_ptr<const detail::StepFetch> fetch_;  ///< null after a move
  Writer<std::uint8_t> released_;
};

/// Reads a stream of steps (see StepWriter). Each rank of a communicator has one; together they are one
/// reader: all its ranks see the same steps, in order. Several readers do not disturb each other. A reader
/// joins the stream with its first step, and leaves it when it is destroyed; a step stays in memory until all
/// ranks of all readers have released it. Used by one thread at a time.
///
/// `while (auto step = in.next(30s)) { const double t = *step->get<double>("time").value(); … }`
class StepReader {
 public:
  /// Opens nothing yet. Throws Error `invalid_argument`.
  StepReader(const StepSide& side, std::string_view stream, const StepReaderOptions& options = {});
  /// Overload for the ranks of a communicator: collective over it.
  template <class Runtime, class Communicator>
    requires requires(Runtime& runtime, Communicator ranks) { runtime.step_side(ranks); }
  StepReader(Runtime& runtime, std::string_view stream, Communicator ranks,
             const StepReaderOptions& options = {})
      : StepReader(runtime.step_side(ranks), stream, options) {}

  /// Blocks until the next step can be read, and returns it; without `limit` as long as collective calls wait
  /// (RuntimeOptions::collective_timeout). The first call also waits for the writer to open the stream, and
  /// for all ranks of the reader. `end_of_stream` after the last step: a reader that is made from then on
  /// waits for the next stream of that name. After the last step that all ranks of the writer ended,
  /// `peer_lost` if one of them was lost, naming it, or another error that has failed the stream (see
  /// StepWriter). `timeout` names the rank that is late. For a file (StepReaderOptions::file) also `corrupt`,
  /// `system`; `peer_lost`, without a rank, if its writer was lost; `not_found` at once if the file does not
  /// exist, after which the call may be repeated.
  [[nodiscard]] Result<InputStep> next(TimeLimit limit = {});
  /// Returns the newest step, at least the next one: blocks if there is none. Steps in between are released
  /// unread. For a viewer of one rank; ranks of a larger reader would get different steps. `invalid_argument`
  /// for a reader in a group, and for several ranks that read a file.
  [[nodiscard]] Result<InputStep> latest(TimeLimit limit = {});
  /// Returns the error of the last next() or latest(); none if it returned a step. For use after a loop: `if
  /// (const auto& end = in.last_error(); end && end->code() != Errc::end_of_stream) …` steps are missing.
  [[nodiscard]] const std::optional<Error>& last_error() const noexcept { return last_error_; }

 private:
  [[nodiscard]] Result<InputStep> noted(Result<InputStep> step);

  std::shared_ptr<detail::StepInput> input_;
  std::optional<Error> last_error_;
};

}  // namespace locum
