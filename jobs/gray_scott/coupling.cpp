#include "jobs/gray_scott/coupling.hpp"

#include <array>
#include <locum/locum.hpp>
#include <type_traits>
#include <utility>

namespace gray_scott {
namespace {

using namespace locum::literals;

constexpr int report_tag = 1;
constexpr int handles_tag = 2;

/// All that travels from a rank that simulates to one that analyses.
struct BlockHandles {
  locum::Handle u;
  locum::Handle v;
};
static_assert(std::is_trivially_copyable_v<BlockHandles> && sizeof(BlockHandles) == 128);
static_assert(std::is_trivially_copyable_v<FrameReport>);

/// What the frames in flight need, with room for the arenas' own rounding.
std::uint64_t memory_for(std::size_t grid, std::size_t frames, int ranks) {
  const std::uint64_t frame_bytes = 2 * sizeof(double) * grid * grid * grid;
  return frame_bytes * frames + frame_bytes * frames / 4 + static_cast<std::uint64_t>(ranks) * 32_MiB;
}

int ranks_of(MPI_Comm communicator) {
  int ranks = 0;
  MPI_Comm_size(communicator, &ranks);
  return ranks;
}

}  // namespace

struct Coupling::State {
  State(MPI_Comm world_in, const Decomposition& decomposition_in, int analysis_ranks_in)
      : world(world_in),
        decomposition(decomposition_in),
        analysis_ranks(analysis_ranks_in),
        frames_in_flight(Coupling::frames_in_flight(analysis_ranks_in)),
        runtime(world_in,
                {.memory_bytes = memory_for(decomposition.grid(), frames_in_flight, ranks_of(world_in))}),
        fields(runtime.store("fields")) {}

  int analysis_rank(std::size_t frame) const {
    return decomposition.ranks() + static_cast<int>(frame % static_cast<std::size_t>(analysis_ranks));
  }

  FrameReport next_report() {
    FrameReport report;
    MPI_Recv(&report, sizeof report, MPI_BYTE, analysis_rank(reported), report_tag, world, MPI_STATUS_IGNORE);
    ++reported;
    return report;
  }

  locum::Handle publish(const Solver& solver, Species species, Publish how) {
    const auto& [depth, height, width] = solver.block().extents;
    const locum::Extents extents(depth, height, width);
    if (how == Publish::create) {
      auto writer = fields.create<double>(extents).value();
      solver.write_interior(species, writer.span());
      const locum::Key key = writer.seal().value();
      return fields.proxy<double[]>(key).value().handle();
    }
    const auto [planes, rows, columns] = solver.ghosted_extents();
    const double* const first = &solver.field(species)[(rows + 1) * columns + 1];
    const auto interior = locum::array(first, extents, {rows * columns, columns, 1});
    return fields.put_proxy(interior).value().handle();
  }

  MPI_Comm world;
  Decomposition decomposition;
  int analysis_ranks;
  std::size_t frames_in_flight;
  locum::Runtime runtime;
  locum::Store fields;

  // Who simulates.
  std::size_t published = 0;  ///< frames
  std::size_t reported = 0;

  // Who analyses.
  struct Frame {
    std::vector<BlockHandles> handles;
    std::vector<locum::Proxy<double[]>> stand_ins;  ///< U and V of each block
  };
  void take_in(std::size_t rank);

  Frame expected;
  std::vector<MPI_Request>
      on_their_way;  ///< handles of the expected frame, by rank; not the stand-ins' fields
  bool ahead = false;
  Frame at_hand;
  std::vector<BlockFields> blocks;  ///< of that
};

// The handles of a rank's blocks have come.
void Coupling::State::take_in(std::size_t rank) {
  const BlockHandles& handles = expected.handles[rank];
  for (const auto& [field, handle] : {std::pair(0U, handles.u), std::pair(1U, handles.v)}) {
    auto& stand_in = expected.stand_ins[2 * rank + field] = runtime.proxy<double[]>(handle);
    if (ahead) {
      stand_in.prefetch();
    }
  }
}

Coupling::Coupling(MPI_Comm world, const Decomposition& decomposition, int analysis_ranks)
    : state_(std::make_unique<State>(world, decomposition, analysis_ranks)) {}

Coupling::~Coupling() = default;

std::size_t Coupling::frames_in_flight(int analysis_ranks) {
  return static_cast<std::size_t>(analysis_ranks) + 1;
}

std::vector<FrameReport> Coupling::wait_for_room() {
  std::vector<FrameReport> reports;
  while (state_->published - state_->reported >= state_->frames_in_flight) {
    reports.push_back(state_->next_report());
  }
  return reports;
}

std::vector<FrameReport> Coupling::wait_for_all() {
  std::vector<FrameReport> reports;
  while (state_->reported < state_->published) {
    reports.push_back(state_->next_report());
  }
  return reports;
}

void Coupling::publish(const Solver& solver, std::size_t frame, Publish how) {
  const BlockHandles handles{state_->publish(solver, Species::u, how),
                             state_->publish(solver, Species::v, how)};
  MPI_Send(&handles, sizeof handles, MPI_BYTE, state_->analysis_rank(frame), handles_tag, state_->world);
  ++state_->published;
}

bool Coupling::analyses(std::size_t frame) const {
  int rank = 0;
  MPI_Comm_rank(state_->world, &rank);
  return rank == state_->analysis_rank(frame);
}

void Coupling::expect(bool ahead) {
  auto& [handles, stand_ins] = state_->expected;
  const auto ranks = static_cast<std::size_t>(state_->decomposition.ranks());
  handles.resize(ranks);
  stand_ins.resize(2 * ranks);
  state_->on_their_way.resize(ranks);
  state_->ahead = ahead;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    // A sender's messages come in the order of its frames, so nothing more is needed to tell them apart.
    MPI_Irecv(&handles[rank], sizeof(BlockHandles), MPI_BYTE, static_cast<int>(rank), handles_tag,
              state_->world, &state_->on_their_way[rank]);
  }
}

void Coupling::look_ahead() {
  for (int found = 1; found != 0;) {
    int rank = MPI_UNDEFINED;
    MPI_Testany(static_cast<int>(state_->on_their_way.size()), state_->on_their_way.data(), &rank, &found,
                MPI_STATUS_IGNORE);
    if (rank == MPI_UNDEFINED) {
      return;
    }
    state_->take_in(static_cast<std::size_t>(rank));
  }
}

void Coupling::receive() {
  for (;;) {
    int rank = MPI_UNDEFINED;
    MPI_Waitany(static_cast<int>(state_->on_their_way.size()), state_->on_their_way.data(), &rank,
                MPI_STATUS_IGNORE);
    if (rank == MPI_UNDEFINED) {
      break;
    }
    state_->take_in(static_cast<std::size_t>(rank));
  }
  std::swap(state_->at_hand, state_->expected);
}

std::span<const BlockFields> Coupling::resolve() {
  const auto& stand_ins = state_->at_hand.stand_ins;
  for (std::size_t rank = 0; rank < state_->at_hand.handles.size(); ++rank) {
    state_->blocks.push_back({state_->decomposition.block(static_cast<int>(rank)), *stand_ins[2 * rank],
                              *stand_ins[2 * rank + 1]});
  }
  return state_->blocks;
}

void Coupling::finish(const FrameReport& report) {
  state_->blocks.clear();
  for (auto& stand_in : state_->at_hand.stand_ins) {
    stand_in.release();  // else evicting would not give the memory back
  }
  for (const BlockHandles& handles : state_->at_hand.handles) {
    (void)state_->fields.evict(handles.u.key).value();
    (void)state_->fields.evict(handles.v.key).value();
  }
  for (int rank = 0; rank < state_->decomposition.ranks(); ++rank) {
    MPI_Send(&report, sizeof report, MPI_BYTE, rank, report_tag, state_->world);
  }
}

std::vector<PathTraffic> Coupling::gather_traffic() const {
  const locum::Metrics& metrics = state_->runtime.metrics();
  std::vector<std::uint64_t> counts;
  for (const auto* traffic : {&metrics.writes, &metrics.reads}) {
    for (const auto& path : *traffic) {
      counts.push_back(path.operations);
      counts.push_back(path.bytes);
    }
  }
  std::vector<std::uint64_t> sums(counts.size());
  MPI_Reduce(counts.data(), sums.data(), static_cast<int>(counts.size()), MPI_UINT64_T, MPI_SUM, 0,
             state_->world);

  std::vector<PathTraffic> rows;
  for (std::size_t i = 0; i < 2 * locum::path_count; ++i) {
    if (sums[2 * i] > 0) {
      const std::string verb = i < locum::path_count ? "put " : "get ";
      rows.push_back({verb + std::string(to_string(static_cast<locum::Path>(i % locum::path_count))),
                      sums[2 * i], sums[2 * i + 1]});
    }
  }
  return rows;
}

TransferTimes Coupling::gather_transfer_times() const {
  const locum::Metrics& metrics = state_->runtime.metrics();
  const std::array<std::uint64_t, 2> mine{metrics.transfer_ns, metrics.waited_ns};
  std::array<std::uint64_t, 2> sums{};
  MPI_Reduce(mine.data(), sums.data(), 2, MPI_UINT64_T, MPI_SUM, 0, state_->world);
  return {static_cast<double>(sums[0]) * 1e-9, static_cast<double>(sums[1]) * 1e-9};
}

}  // namespace gray_scott
