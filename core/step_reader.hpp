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
#include <locum/detail/array_type.hpp>
#include <locum/detail/read.hpp>
#include <locum/element_type.hpp>
#include <locum/hyperslab.hpp>
#include <locum/raw_array.hpp>
#include <locum/result.hpp>
#include <locum/step_block.hpp>
#include <locum/step_options.hpp>
#include <locum/step_side.hpp>
#include <locum/step_variable.hpp>
#include <locum/strided_array.hpp>
#include <locum/view.hpp>
#include <locum/writer.hpp>

namespace locum {

namespace detail {
class StepFetch;
class StepInput;
}  // namespace detail

/// Which block of a variable InputStep::get() reads, and until when.
struct BlockOptions {
  /// Index of the rank that wrote it, among those of the writer. -1: there is only one block.
  int writer = -1;
  TimeLimit deadline = {};
};

/// A step that this rank reads: made by StepReader. Its destructor releases it; what was read stays. Movable;
/// any thread may read.
class InputStep {
 public:
  /// Called by StepReader. `released`: sealed when it is.
  InputStep(std::shared_ptr<detail::StepInput> input, std::uint64_t number,
            std::unique_ptr<const detail::StepFetch> fetch, Writer<std::uint8_t> released);
  InputStep(InputStep&& other) noexcept;
  InputStep& operator=(InputStep&& other) noexcept;
  /// release().
  ~InputStep();

  /// The number of the step in its stream.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// What was written, ascending by name.
  [[nodiscard]] std::vector<Variable> variables() const;

  /// Extents of a global array. `not_found` if there is none of that name; `invalid_argument` if it is no
  /// global array, or blocks differ in its shape, `type_mismatch` if they differ in its type.
  [[nodiscard]] Result<Extents> shape(std::string_view name) const;
  /// What each rank wrote of a variable, ascending by writer; reads nothing. `not_found`.
  [[nodiscard]] Result<std::vector<StepBlock>> blocks(std::string_view name) const;

  /// A block as it was written, in place if it is on this node: a value, or a local array of one writer.
  /// `not_found` if nobody wrote it; `invalid_argument` if several ranks did and no `writer` is given;
  /// `type_mismatch` if the variable is of another type than `T`, or blocks of it differ in that; otherwise
  /// as Store::get().
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const BlockOptions& options = {}) const {
    constexpr std::string_view type = type_identity<detail::Stored<T>>.name;
    return viewed<T>(name, block(name, type, options), options.deadline);
  }
  /// The bytes of a block, of any type: what a program does with them that knows the type only at run time,
  /// from variables(). An array's elements as they are in memory; of other values what their Serializer
  /// wrote.
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(std::string_view name,
                                                    const BlockOptions& options = {}) const;
  /// A box of a global array (see Hyperslab; none: all of it), out of all blocks that it meets: as one array
  /// with the extents of the box. In place if one block has it, on this node and contiguously; otherwise in
  /// memory of this node, for the time of the view. Only elements of the box come from other nodes.
  /// A box may have no elements. `type_mismatch` unless the writer gave elements of type `T`, on all ranks;
  /// `invalid_argument` if the array does not have the box, two blocks have an element, or blocks differ in
  /// the shape of the array; `not_found` if an element was not written, or there is no such array.
  template <Flat T>
  [[nodiscard]] Result<View<T[]>> read(std::string_view name, const Hyperslab& box = {},
                                       const CallOptions& options = {}) const {
    return viewed<T[]>(name, box_of(name, detail::array_type<T>, box, options.deadline), options.deadline);
  }
  /// The same into memory of the caller, with gaps if need be: `read("V", locum::array(&mine[nx + 3], {ny,
  /// nx}, {nx + 2, 1}), box)`. Its extents are those of the box. Returns the number of elements.
  template <Flat T>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const StridedArray<T>& into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    return copied(name, detail::array_type<T>, box, detail::bytes_of(into), detail::Fit::same_extents,
                  options.deadline);
  }
  /// The same into memory without gaps. `invalid_argument` if the box has another number of elements.
  template <Flat T, std::size_t N>
  [[nodiscard]] Result<std::size_t> read(std::string_view name, std::span<T, N> into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const {
    return copied(name, detail::array_type<T>, box,
                  detail::bytes_of(locum::array(into.data(), {into.size()})), detail::Fit::elements,
                  options.deadline);
  }
  /// read() of elements whose type is known only at run time (see Variable::element): their bytes.
  [[nodiscard]] Result<View<std::byte[]>> read(std::string_view name, const ElementType& element,
                                               const Hyperslab& box = {},
                                               const CallOptions& options = {}) const;
  /// The same into memory without gaps. Returns the number of elements. `invalid_argument` if the box has
  /// another number of bytes.
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const ElementType& element,
                                         std::span<std::byte> into, const Hyperslab& box = {},
                                         const CallOptions& options = {}) const;
  /// The same into memory with gaps, or with strides of any sign. Its extents are those of the box.
  [[nodiscard]] Result<std::size_t> read(std::string_view name, const RawArray& into,
                                         const Hyperslab& box = {}, const CallOptions& options = {}) const;
  /// The local arrays of all writers, one after the other, in order of the writers' indices. `type_mismatch`
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
  /// This rank does not need the step any more; the writer gets its room back when no rank does. Views stay
  /// valid.
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
  // By types that are known at run time. Their errors are about the variable.
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
  std::unique_ptr<const detail::StepFetch> fetch_;  ///< null of a step that was moved
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
  /// The same for the ranks of a communicator: collective over it.
  template <class Runtime, class Communicator>
    requires requires(Runtime& runtime, Communicator ranks) { runtime.step_side(ranks); }
  StepReader(Runtime& runtime, std::string_view stream, Communicator ranks,
             const StepReaderOptions& options = {})
      : StepReader(runtime.step_side(ranks), stream, options) {}

  /// The next step; waits for it, without a limit as long as collective calls do
  /// (RuntimeOptions::collective_timeout). The first call waits for the writer to open the stream, and for
  /// all ranks of the reader. `end_of_stream` after the last step: a reader that is made from then on waits
  /// for the next stream of that name. `peer_lost` if a rank of the writer was lost and all steps that had
  /// ended were read, naming that rank; what else has failed the stream (see StepWriter) in the same place;
  /// `timeout`, which says who is late. Of a file (StepReaderOptions::file) the
  /// same, and `corrupt`, `system`; `peer_lost`, without a rank, if its writer is gone; `not_found` at once
  /// if there is no such file, after which the call may be repeated.
  [[nodiscard]] Result<InputStep> next(TimeLimit limit = {});
  /// The newest step, at least the next one: waits if there is none. Those in between are released unread.
  /// For a viewer that is one rank; ranks of a reader with several would get different steps.
  /// `invalid_argument` of a reader in a group, and of several ranks that read a file.
  [[nodiscard]] Result<InputStep> latest(TimeLimit limit = {});
  /// Why the last next() or latest() returned no step; none if it returned one. For what follows a loop:
  /// `if (const auto& end = in.last_error(); end && end->code() != Errc::end_of_stream) …` something is
  /// missing.
  [[nodiscard]] const std::optional<Error>& last_error() const noexcept { return last_error_; }

 private:
  [[nodiscard]] Result<InputStep> noted(Result<InputStep> step);

  std::shared_ptr<detail::StepInput> input_;
  std::optional<Error> last_error_;
};

}  // namespace locum
