// The first half of the ranks writes a stream of steps, the other half reads it: a global array, cut
// otherwise by the readers. The same by MPI_Isend of the pieces that each pair shares, which the program has
// to find out by itself.

#include <algorithm>
#include <optional>

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"

namespace scaling {

namespace {

class StepsCase final : public Case {
 public:
  explicit StepsCase(const Scene& scene)
      : scene_(scene),
        writers_((scene.ranks() + 1) / 2),
        readers_(std::max(1, scene.ranks() / 2)),
        writer_(scene.rank() < writers_ ? scene.rank() : -1),
        reader_(scene.ranks() == 1 ? 0 : scene.rank() - writers_),
        block_(words_of_a_writer(scene, writers_)),
        all_(block_ * static_cast<std::size_t>(writers_)) {
    static int instances = 0;  // the same on all ranks: cases are made collectively
    const std::string stream = "steps/" + std::to_string(++instances);
    MPI_Comm side = MPI_COMM_NULL;
    MPI_Comm_split(scene.ranks_comm, writes() ? 0 : 1, 0, &side);
    if (writes()) {
      mine_.resize(block_);
      for (std::size_t i = 0; i < block_; ++i) {
        mine_[i] = expected(begin_of_block(writer_) + i, 0);
      }
      out_.emplace(
          scene.runtime, stream, side,
          locum::StepWriterOptions{.queue_steps = 3, .rendezvous_readers = scene.ranks() == 1 ? 0U : 1U});
    }
    if (reads()) {
      in_.emplace(scene.runtime, stream, side);
      landing_.resize(end_of_box(reader_) - begin_of_box(reader_));
    }
    MPI_Comm_free(&side);
  }
  ~StepsCase() override {
    in_.reset();
    out_.reset();
  }

  void prepare(Side /*side*/, std::uint64_t repetition) override { repetition_ = repetition; }
  void run(Side side) override {
    for (std::uint64_t step = 0; step < steps; ++step) {
      if (writes()) {
        mine_[0] = expected(begin_of_block(writer_), stamp(step));
      }
      side == Side::ours ? step_of_stream(step) : step_of_messages(step);
    }
  }
  void finish(Side /*side*/) override {}
  [[nodiscard]] std::size_t operations() const override { return steps; }
  [[nodiscard]] std::size_t all_operations() const override { return steps; }
  [[nodiscard]] std::size_t all_bytes() const override { return steps * all_ * sizeof(std::uint64_t); }

 private:
  static constexpr std::size_t steps = 4;

  [[nodiscard]] static std::size_t words_of_a_writer(const Scene& scene, int writers) {
    const std::size_t bytes =
        scene.mode == Mode::weak ? scene.bytes : scene.bytes / static_cast<std::size_t>(writers);
    return std::max<std::size_t>(1, bytes / sizeof(std::uint64_t));
  }
  [[nodiscard]] bool writes() const { return writer_ >= 0; }
  [[nodiscard]] bool reads() const { return reader_ >= 0; }
  [[nodiscard]] std::size_t begin_of_block(int writer) const {
    return block_ * static_cast<std::size_t>(writer);
  }
  [[nodiscard]] std::size_t begin_of_box(int reader) const {
    return all_ * static_cast<std::size_t>(reader) / static_cast<std::size_t>(readers_);
  }
  [[nodiscard]] std::size_t end_of_box(int reader) const { return begin_of_box(reader + 1); }

  [[nodiscard]] std::uint64_t stamp(std::uint64_t step) const {
    return Payload::stamp(0, step + 1, repetition_);
  }
  // The first word of each block tells the step; all others are always the same.
  [[nodiscard]] std::uint64_t expected(std::size_t place, std::uint64_t stamp) const {
    return Payload::word(place % block_ == 0 ? stamp : 0, place);
  }
  void check(std::span<const std::uint64_t> box, std::uint64_t step) const {
    const std::size_t begin = begin_of_box(reader_);
    if (box.size() != end_of_box(reader_) - begin) {
      throw std::runtime_error("a step has " + std::to_string(box.size()) + " words for this reader");
    }
    const std::size_t first_of_block = (begin + block_ - 1) / block_ * block_ - begin;
    for (std::size_t i = 0; i < box.size(); ++i) {
      const bool looks = scene_.check_all || i == 0 || i == first_of_block || i + 1 == box.size();
      if (looks && box[i] != expected(begin + i, stamp(step))) {
        throw std::runtime_error("wrong bytes in a step, at word " + std::to_string(begin + i));
      }
      if (!scene_.check_all && i > first_of_block && i + 2 < box.size()) {
        i = box.size() - 2;
      }
    }
  }

  void step_of_stream(std::uint64_t step) {
    if (writes()) {
      auto output = out_->begin({.deadline = scene_.limit}).value();
      output
          .put("field", mine_, {.shape = {all_}, .start = {begin_of_block(writer_)}, .count = {block_}},
               {.deadline = scene_.limit})
          .value();
      output.end({.deadline = scene_.limit}).value();
    }
    if (reads()) {
      const auto input = in_->next(scene_.limit).value();
      const std::uint64_t begin = begin_of_box(reader_);
      const auto field = input
                             .read<std::uint64_t>("field", {.start = {begin}, .count = {landing_.size()}},
                                                  {.deadline = scene_.limit})
                             .value();
      check(*field, step);
    }
  }
  void step_of_messages(std::uint64_t step) {
    std::vector<MPI_Request> requests;
    if (reads()) {
      for (int writer = 0; writer < writers_; ++writer) {
        const auto [begin, end] = shared(writer, reader_);
        if (begin < end) {
          MPI_Irecv(landing_.data() + (begin - begin_of_box(reader_)), static_cast<int>(end - begin),
                    MPI_UINT64_T, writer, 0, scene_.ranks_comm, &requests.emplace_back());
        }
      }
    }
    if (writes()) {
      for (int reader = 0; reader < readers_; ++reader) {
        const auto [begin, end] = shared(writer_, reader);
        if (begin < end) {
          MPI_Isend(mine_.data() + (begin - begin_of_block(writer_)), static_cast<int>(end - begin),
                    MPI_UINT64_T, scene_.ranks() == 1 ? 0 : writers_ + reader, 0, scene_.ranks_comm,
                    &requests.emplace_back());
        }
      }
    }
    MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
    if (reads()) {
      check(landing_, step);
    }
  }
  [[nodiscard]] std::pair<std::size_t, std::size_t> shared(int writer, int reader) const {
    return {std::max(begin_of_block(writer), begin_of_box(reader)),
            std::min(begin_of_block(writer + 1), end_of_box(reader))};
  }

  const Scene& scene_;
  const int writers_;
  const int readers_;
  const int writer_;         ///< of this rank, among the writers; negative if it reads
  const int reader_;         ///< the same the other way
  const std::size_t block_;  ///< words of a writer
  const std::size_t all_;    ///< words of the array
  std::vector<std::uint64_t> mine_;
  std::vector<std::uint64_t> landing_;
  std::uint64_t repetition_ = 0;
  std::optional<locum::StepWriter> out_;
  std::optional<locum::StepReader> in_;
};

}  // namespace

std::unique_ptr<Case> make_steps(const Scene& scene) {
  return std::make_unique<StepsCase>(scene);
}

}  // namespace scaling
