#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/detail/representation.hpp>
#include <locum/element_type.hpp>
#include <locum/raw_view.hpp>
#include <locum/result.hpp>
#include <locum/step_options.hpp>
#include <locum/strided_array.hpp>

namespace locum {

template <class Byte>
class BasicRawArray;
using ConstRawArray = BasicRawArray<const std::byte>;

namespace detail {
class StepDraft;
class StepOutput;
}  // namespace detail

/// The result of a call on a step; it may be ignored: the step's end(), the next begin() or close() then
/// returns the error. This includes put() or create() on a step that was already ended or discarded.
class Written : public Result<void> {
 public:
  Written(Result<void> result) : Result<void>(std::move(result)) {}
};

/// A step that this rank writes: made by StepWriter::begin(), and to be ended or discarded. If it is
/// destroyed without either, by mistake or by an exception, the stream has failed: the next begin() or
/// close() of every writer returns `broken_promise`, which names this rank, and so does a reader's next()
/// after the last complete step. Movable, used by one thread at a time.
class OutputStep {
 public:
  /// Called by StepWriter.
  explicit OutputStep(std::shared_ptr<detail::StepOutput> output);
  OutputStep(OutputStep&& other) noexcept;
  OutputStep& operator=(OutputStep&& other) noexcept;
  ~OutputStep();

  /// Returns memory for a block of an array, to be filled in place by the caller and published by end().
  /// `shape`, `start` and `count` place it in a global array; with `count` alone it is a local array of this
  /// rank. Not cleared. Valid until end(). `invalid_argument` if the block is not within the shape;
  /// `key_exists` if this rank has written one of its elements of a global array in this step before. If the
  /// node has no memory, blocks until readers release steps of this stream (not with WhenFull::fail),
  /// without a deadline as long as collective calls wait. An error is returned by end(), too, unless the
  /// block is made or put by a later call.
  template <Flat T>
  [[nodiscard]] Result<std::span<T>> create(std::string_view name, const GlobalBlock& block,
                                            const CallOptions& options = {}) {
    const auto bytes = create_block(name, detail::array_type<T>, block, options.deadline);
    return bytes ? Result<std::span<T>>(std::in_place, reinterpret_cast<T*>(bytes->data()),
                                        bytes->size() / sizeof(T))
                 : Result<std::span<T>>(bytes.error());
  }
  /// Overload for elements whose type is known only at run time. The memory counts bytes.
  [[nodiscard]] Result<std::span<std::byte>> create(std::string_view name, const ElementType& element,
                                                    const GlobalBlock& block,
                                                    const CallOptions& options = {});
  /// Writes a value of this rank, of any type that a store takes: a vector or span of flat elements is a
  /// local array, read by writer or joined. A value that all readers want is put by one rank, once a step.
  template <class T>
  Written put(std::string_view name, const T& value, const CallOptions& options = {}) {
    GlobalBlock block;
    if constexpr (detail::FlatRange<T>) {
      block.count = {detail::elements_of(value).size()};
    } else if constexpr (detail::FlatStrided<T>) {
      block.count = value.extents();
    }
    return put_value(name, value, block, options);
  }
  /// Writes a block of a global array from the caller's memory, by one copy: for a locum::array the `count`
  /// may be left out; for a span or vector it must be given.
  template <class T>
    requires(detail::FlatRange<T> || detail::FlatStrided<T>)
  Written put(std::string_view name, const T& array, GlobalBlock block, const CallOptions& options = {}) {
    if constexpr (detail::FlatStrided<T>) {
      block.count = array.extents();
      return put_value(name, array, block, options);
    } else {
      const auto elements = detail::elements_of(array);
      if (!block.count.has(elements.size())) {
        return other_count(name);
      }
      return put_value(name, locum::array(elements.data(), block.count), block, options);
    }
  }
  /// Writes an array whose element type is known only at run time: `bytes` are its elements, row-major.
  Written put_encoded(std::string_view name, const ElementType& element, std::span<const std::byte> bytes,
                      const GlobalBlock& block, const CallOptions& options = {});
  /// Overload for memory with gaps, or with strides of any sign; ignores the `count` of the block.
  Written put_encoded(std::string_view name, const ConstRawArray& array, const GlobalBlock& block = {},
                      const CallOptions& options = {});
  /// \cond library
  /// Returns a view that keeps the memory which create() returned, also after the end of the step: for
  /// interfaces of languages whose arrays outlive it. See StepDraft::keep().
  [[nodiscard]] Result<RawView> keep(const std::byte* first, const CallOptions& options = {});
  /// Returns the error as one of a put() of this name, which it counts as: an error of end(), too, unless a
  /// later call writes the variable. For interfaces of languages that refuse values themselves.
  Written fail(std::string_view name, const Error& error);
  /// \endcond
  /// Completes this rank's part. Readers see the step once all ranks of the writer have ended it; does not
  /// wait for them. An error, of this call or an earlier one on the step, means that this rank has not ended
  /// it: the next begin() returns the error once more, and the one after that begins the same step again.
  /// Closing the stream instead fails it.
  Written end(const CallOptions& options = {});
  /// Removes this rank's part of the step; its next begin() begins the same step again. Not an error, but all
  /// ranks of the writer must end equally many steps.
  void discard() noexcept;

  /// Returns the number of steps that this rank ended before this one; for a writer of one rank, without
  /// those dropped at once: then it is InputStep::number(). 0 after end().
  [[nodiscard]] std::uint64_t number() const noexcept;

 private:
  template <class T>
  Written put_value(std::string_view name, const T& value, const GlobalBlock& block,
                    const CallOptions& options) {
    detail::check_value<T>();
    return put_block(name, type_identity<detail::Stored<T>>.name, &value, detail::WrittenAsEver<T>::steps,
                     block, options.deadline);
  }
  // Take types as run-time arguments.
  [[nodiscard]] Result<std::span<std::byte>> create_block(std::string_view name,
                                                          const detail::ArrayType& type,
                                                          const GlobalBlock& block, TimeLimit deadline);
  Written put_block(std::string_view name, std::string_view type, const void* value,
                    const detail::WritingSteps& steps, const GlobalBlock& block, TimeLimit deadline);
  /// Returns the error of a put() whose number of elements is not that of the block.
  Written other_count(std::string_view name);
  /// Returns the error of a call on a step that was ended or discarded. The writer keeps it for its next
  /// begin().
  [[nodiscard]] Error lost_with_its_step(std::string_view name) const;
  void let_go() noexcept;

  std::unique_ptr<detail::StepDraft> draft_;    ///< null once the step was ended, discarded or moved
  std::weak_ptr<detail::StepOutput> ended_of_;  ///< the writer, from then on
  int exceptions_ = 0;                          ///< std::uncaught_exceptions() when the step began
};

/// Writes a stream of steps: data that a simulation gives to readers while it runs. Each rank of a
/// communicator has one. Any number of StepReaders read the steps, which exist in the memory of the nodes
/// that made them until all readers have released them, within StepWriterOptions. Readers find the stream by
/// its name, and may join, leave or die at any time. Used by one thread at a time.
///
/// `for (…) { auto step = out.begin().value(); step.put("time", t); step.end(); }`
///
/// All ranks must end equally many steps. They do not wait for each other: begin() waits for room, and
/// readers see a step when the last rank has ended it. If a rank dies, leaves a step by an exception, or ends
/// fewer steps than others, the stream has failed: the steps that all ranks ended can be read, and after them
/// readers and writers get an error that names the rank.
///
/// With WhenFull::wait, the default, and with WhenFull::fail no step is lost: steps are kept from the first
/// one on, even before a reader has joined. A simulation that is to run without readers uses
/// WhenFull::drop_oldest. One that writes to a file needs no reader.
class StepWriter {
 public:
  /// Opens the stream. Collective over the ranks of `side`, but only the rank with index 0 does not wait for
  /// others. Throws Error: `invalid_argument`; `options_differ` if the options are not those of that rank;
  /// `key_exists` if another writer of this stream is open, or there is such a file
  /// (StepWriterOptions::file); `system` if that cannot be made; and errors of opening a store and of
  /// Store::put().
  StepWriter(const StepSide& side, std::string_view stream, const StepWriterOptions& options = {});
  /// Overload for the ranks of a communicator: collective over it.
  template <class Runtime, class Communicator>
    requires requires(Runtime& runtime, Communicator ranks) { runtime.step_side(ranks); }
  StepWriter(Runtime& runtime, std::string_view stream, Communicator ranks,
             const StepWriterOptions& options = {})
      : StepWriter(runtime.step_side(ranks), stream, options) {}
  StepWriter(StepWriter&& other) noexcept = default;
  StepWriter& operator=(StepWriter&& other) noexcept = default;
  /// Calls close() unless it was called; if an OutputStep is left, the last one does so. An error is then a
  /// line on stderr (see RuntimeOptions::log). If an exception destroys the writer, the stream has failed,
  /// and this blocks for a second at most.
  ~StepWriter() = default;

  /// Begins the next step. Blocks until there is room, see WhenFull: `timeout` names the rank that does not
  /// release a step, or has not ended one, or reports that no reader has joined. Without a deadline it waits
  /// as long as collective calls do (RuntimeOptions::collective_timeout), since an analysis may be slow. Also
  /// returns the error of an earlier call that was ignored; the error that has failed the stream;
  /// `invalid_argument` if the previous step was not ended.
  [[nodiscard]] Result<OutputStep> begin(const CallOptions& options = {});
  /// Ends the stream; readers get `end_of_stream` after the last step. Collective over the ranks of the
  /// writer, which all get the same result, except for the `timeout` of a rank whose own deadline comes
  /// first: blocks until all of them have closed it, and all readers have released all steps, or left; where
  /// no step may be lost (see WhenFull) also for the first reader. Without a deadline it waits as long as
  /// collective calls do. `timeout` names either a reader that is late, and the steps can be read until the
  /// runtime is closed; or a rank of the writer: then, if it is the error of the communicator's first rank,
  /// the stream has failed after the last step that all had ended, else it may still end well without this
  /// rank. Also returns the error that has failed the stream before (see StepWriter), and that of an earlier
  /// call that was ignored. Further calls do nothing.
  Result<void> close(const CallOptions& options = {});
  /// Fails the stream, as an exception does that destroys the writer: behind the last step that all ranks
  /// have ended, its readers and its other ranks get `broken_promise`, which names this rank. Not collective;
  /// blocks for a second at most. The writer is closed then. Does nothing if it was closed before.
  void abandon() noexcept;

 private:
  std::shared_ptr<detail::StepOutput> output_;
};

}  // namespace locum
