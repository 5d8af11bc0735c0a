#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/detail/array_type.hpp>
#include <locum/detail/representation.hpp>
#include <locum/element_type.hpp>
#include <locum/raw_array.hpp>
#include <locum/result.hpp>
#include <locum/step_options.hpp>
#include <locum/step_side.hpp>
#include <locum/strided_array.hpp>

namespace locum {

namespace detail {
class StepDraft;
class StepOutput;
}  // namespace detail

/// The result of a call on a step that may be ignored: an error is then that of the step's end(), of the
/// next begin() or of close(). So is a put() or create() on a step that was ended or discarded before.
class Written : public Result<void> {
 public:
  Written(Result<void> result) : Result<void>(std::move(result)) {}
};

/// A step that is being written by this rank: made by StepWriter::begin(), and to be ended, or discarded.
/// Where it is destroyed without either, by a program that forgets it or by an exception, the stream has
/// failed: the next begin() or close() of every writer is the error `broken_promise`, which names this rank,
/// and so is what readers get behind the last whole step. Movable, used by one thread at a time.
class OutputStep {
 public:
  /// Called by StepWriter.
  explicit OutputStep(std::shared_ptr<detail::StepOutput> output);
  OutputStep(OutputStep&& other) noexcept;
  OutputStep& operator=(OutputStep&& other) noexcept;
  ~OutputStep();

  /// Memory for a block of an array, in place: filled by the caller, published by end(). `shape`, `start` and
  /// `count` say which part of a global array it is; with `count` alone it is a local array of this rank. Not
  /// cleared. Valid until end(). `invalid_argument` if the block is not within the shape. Where the node has
  /// no memory, waits until readers release steps of this stream (with WhenFull::fail: does not), without a
  /// deadline as long as collective calls do. An error is that of end(), too, unless the block is made or put
  /// by a later call.
  template <Flat T>
  [[nodiscard]] Result<std::span<T>> create(std::string_view name, const GlobalBlock& block,
                                            const CallOptions& options = {}) {
    const auto bytes = create_block(name, detail::array_type<T>, block, options.deadline);
    return bytes ? Result<std::span<T>>(std::in_place, reinterpret_cast<T*>(bytes->data()),
                                        bytes->size() / sizeof(T))
                 : Result<std::span<T>>(bytes.error());
  }
  /// create() of elements whose type is known only at run time. The memory counts bytes.
  [[nodiscard]] Result<std::span<std::byte>> create(std::string_view name, const ElementType& element,
                                                    const GlobalBlock& block,
                                                    const CallOptions& options = {});
  /// A value of this rank, of any type that a store takes: a vector or span of flat elements is a local
  /// array, read by writer or joined. A value that all readers want is put by one rank.
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
  /// A block of a global array out of the caller's memory, by one copy: of an array (see locum::array) the
  /// `count` may be left out; of a span or vector it must be given.
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
  /// put() of an array whose element type is known only at run time: `bytes` are its elements, row-major.
  Written put_encoded(std::string_view name, const ElementType& element, std::span<const std::byte> bytes,
                      const GlobalBlock& block, const CallOptions& options = {});
  /// The same out of memory with gaps, or with strides of any sign; the `count` of the block is not looked
  /// at.
  Written put_encoded(std::string_view name, const ConstRawArray& array, const GlobalBlock& block = {},
                      const CallOptions& options = {});
  /// Completes this rank's part. Readers see the step once all ranks of the writer have ended it. Does not
  /// wait for them. An error, of this call or of one before it, means that this rank has not ended the step:
  /// the next begin() returns it once more, and the one after that begins the same step again. A writer that
  /// closes the stream instead fails it.
  Written end(const CallOptions& options = {});
  /// The step is not to be: what was written of it is removed, and the next begin() of this rank begins the
  /// same step again. Not an error, but all ranks of the writer end equally many steps.
  void discard() noexcept;

  /// How many steps this rank has ended before; of a writer that is one rank, without those that were dropped
  /// at once: then it is InputStep::number(). 0 after end().
  [[nodiscard]] std::uint64_t number() const noexcept;

 private:
  template <class T>
  Written put_value(std::string_view name, const T& value, const GlobalBlock& block,
                    const CallOptions& options) {
    detail::check_value<T>();
    return put_block(name, type_identity<detail::Stored<T>>.name, &value, detail::WrittenAsEver<T>::steps,
                     block, options.deadline);
  }
  // By types that are known at run time.
  [[nodiscard]] Result<std::span<std::byte>> create_block(std::string_view name,
                                                          const detail::ArrayType& type,
                                                          const GlobalBlock& block, TimeLimit deadline);
  Written put_block(std::string_view name, std::string_view type, const void* value,
                    const detail::WritingSteps& steps, const GlobalBlock& block, TimeLimit deadline);
  /// The error of a put() of another number of elements than the block has.
  Written other_count(std::string_view name);
  /// The error of a variable for which there is no step any more. The writer keeps it for its next begin().
  [[nodiscard]] Error lost_with_its_step(std::string_view name) const;
  void let_go() noexcept;

  std::unique_ptr<detail::StepDraft> draft_;    ///< null once the step was ended, discarded or moved
  std::weak_ptr<detail::StepOutput> ended_of_;  ///< its writer, from then on
  int exceptions_ = 0;                          ///< that were being handled when the step began
};

/// Writes a stream of steps: what a simulation gives to those who look at it while it runs. Each rank of a
/// communicator has one. Steps are read by any number of StepReaders, and exist in the memory of the nodes
/// that made them until all of these have released them, within StepWriterOptions. Readers find the stream by
/// its name, and come, leave and die as they like. Used by one thread at a time.
///
/// `for (…) { auto step = out.begin().value(); step.put("time", t); step.end(); }`
///
/// The ranks end equally many steps. They do not wait for each other: begin() waits for room, and readers see
/// a step when the last rank has ended it. If a rank dies, leaves a step by an exception, or ends fewer steps
/// than others, the steps that all had ended can be read; what follows is an error that names it, to readers
/// and writers: the stream has failed.
///
/// With WhenFull::wait, the default, and with WhenFull::fail nothing is lost: steps are kept from the first
/// one on, also before a reader has joined. A simulation that is to run alone says WhenFull::drop_oldest. One
/// that writes to a file needs no reader.
class StepWriter {
 public:
  /// Opens the stream. Collective over the ranks of `side`, but only the rank with index 0 does not wait for
  /// others. Throws Error: `invalid_argument`; `options_differ` if the options are not those of that rank;
  /// `key_exists` if another writer of this stream is open, or there is such a file
  /// (StepWriterOptions::file); `system` if that cannot be made; and what opening a store and putting an
  /// object return.
  StepWriter(const StepSide& side, std::string_view stream, const StepWriterOptions& options = {});
  /// The same for the ranks of a communicator: collective over it.
  template <class Runtime, class Communicator>
    requires requires(Runtime& runtime, Communicator ranks) { runtime.step_side(ranks); }
  StepWriter(Runtime& runtime, std::string_view stream, Communicator ranks,
             const StepWriterOptions& options = {})
      : StepWriter(runtime.step_side(ranks), stream, options) {}
  StepWriter(StepWriter&& other) noexcept = default;
  StepWriter& operator=(StepWriter&& other) noexcept = default;
  /// close(), if it was not called; by the last OutputStep if one is left. An error is then a line on stderr
  /// (see RuntimeOptions::log). By an exception: the stream has failed, and this waits for a second at most.
  ~StepWriter() = default;

  /// The next step. Waits for room, see WhenFull: `timeout` names the rank that does not release a step, or
  /// has not ended one, or says that no reader has joined. Without a deadline it waits as long as collective
  /// calls do (RuntimeOptions::collective_timeout), since an analysis may be slow. Also returns the error of
  /// an earlier call that was ignored; why the stream has failed; `invalid_argument` if the step before was
  /// not ended.
  [[nodiscard]] Result<OutputStep> begin(const CallOptions& options = {});
  /// Ends the stream; readers learn of it after the last step. Collective over the ranks of the writer, which
  /// all get the same result, but for the `timeout` of a rank whose own deadline comes first: waits until all
  /// of them have closed it, and all readers have released all steps, or left; where nothing is lost (see
  /// WhenFull) also for the first reader. Without a deadline as long as collective calls do. `timeout` names
  /// who is late: a reader, so that the steps can be read until the runtime is closed; or a rank of the
  /// writer, so that the stream has failed after the last step that all had ended. Also says why the stream
  /// has failed before (see StepWriter); and returns the error of an earlier call that was ignored. Further
  /// calls do nothing.
  Result<void> close(const CallOptions& options = {});

 private:
  std::shared_ptr<detail::StepOutput> output_;
};

}  // namespace locum
