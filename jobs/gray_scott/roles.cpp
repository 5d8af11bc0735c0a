#include "jobs/gray_scott/roles.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "jobs/drawing/color_map.hpp"
#include "jobs/gray_scott/analysis.hpp"
#include "jobs/gray_scott/frame.hpp"
#include "jobs/gray_scott/node_memory.hpp"

namespace gray_scott {
namespace {

Masses advance_to_next_frame(Solver& solver, const DemoOptions& options) {
  for (std::uint64_t step = 0; step < options.every; ++step) {
    solver.step();
  }
  return {solver.total_mass(Species::u), solver.total_mass(Species::v)};
}

// Where the run goes on, or at its first step.
void begin(Solver& solver, const SavedStates* states, const DemoOptions& options) {
  if (options.restart) {
    states->load(solver);
  } else {
    solver.reset();
  }
}

void show_reports(const std::vector<FrameReport>& reports, const DemoOptions& options, Progress& progress) {
  for (const FrameReport& report : reports) {
    char line[160];
    std::snprintf(line, sizeof line,
                  "frame %3llu of %zu   step %6llu   V from %.4f to %.4f, mean %.5f   isosurface %llu cells",
                  static_cast<unsigned long long>(report.frame + 1), options.frames(),
                  static_cast<unsigned long long>((report.frame + 1) * options.every), report.min_v,
                  report.max_v, report.mean_v, static_cast<unsigned long long>(report.isosurface_cells));
    progress.show(line);
  }
}

/// How long one side waits for the other, at most: a large frame takes long to simulate, and to analyse.
constexpr std::chrono::minutes longest_wait{10};

/// The stream that one rank reads.
std::string stream_of(std::size_t analysis_rank) {
  return "frames of " + std::to_string(analysis_rank);
}

/// This rank's block without ghosts, as a part of the whole field.
void write_field(locum::OutputStep& step, const Solver& solver, const DemoOptions& options, Species species,
                 Publish how) {
  const char* const name = species == Species::u ? "U" : "V";
  const auto& [origin, extents] = solver.block();
  const locum::GlobalBlock block{.shape = {options.grid, options.grid, options.grid},
                                 .start = {origin[0], origin[1], origin[2]},
                                 .count = {extents[0], extents[1], extents[2]}};
  if (how == Publish::create) {
    solver.write_interior(species, step.create<double>(name, block).value());
    return;
  }
  const auto [planes, rows, columns] = solver.ghosted_extents();
  const double* const first = &solver.field(species)[(rows + 1) * columns + 1];
  step.put(name, locum::array(first, block.count, {rows * columns, columns, 1}), block);
}

/// A block of U and V, in the memory of whoever wrote it if that is on this node.
struct BlockViews {
  Block block;
  locum::View<double[]> u;
  locum::View<double[]> v;
};

std::vector<BlockViews> read_blocks(const locum::InputStep& step, const Decomposition& decomposition) {
  std::vector<BlockViews> blocks;
  for (int rank = 0; rank < decomposition.ranks(); ++rank) {
    const Block block = decomposition.block(rank);
    const auto& [z, y, x] = block.origin;
    const auto& [depth, height, width] = block.extents;
    const locum::Hyperslab box{.start = {z, y, x}, .count = {depth, height, width}};
    blocks.push_back({block, step.read<double>("U", box).value(), step.read<double>("V", box).value()});
  }
  return blocks;
}

}  // namespace

void simulate_alone(Solver& solver, const SavedStates* states, const DemoOptions& options,
                    Progress& progress) {
  begin(solver, states, options);
  for (std::size_t frame = options.first_frame; frame < options.frames(); ++frame) {
    advance_to_next_frame(solver, options);
    if ((frame + 1) % 5 == 0 || frame + 1 == options.frames()) {
      char line[96];
      std::snprintf(line, sizeof line, "simulation alone, for comparison: step %6llu of %llu",
                    static_cast<unsigned long long>(solver.steps_done()),
                    static_cast<unsigned long long>(options.frames() * options.every));
      progress.show(line);
    }
  }
  progress.finish();
}

std::vector<locum::StepWriter> open_streams(locum::Runtime& runtime, MPI_Comm group,
                                            const DemoOptions& options) {
  std::vector<locum::StepWriter> streams;
  for (std::size_t rank = 0; rank < options.streams(); ++rank) {
    streams.push_back(
        {runtime, stream_of(rank), group, {.queue_steps = frames_of_a_stream, .rendezvous_readers = 1}});
  }
  return streams;
}

SimulationRecord simulate_coupled(std::vector<locum::StepWriter>& streams, Solver& solver,
                                  SavedStates* states, const DemoOptions& options, FrameReports& reports,
                                  EventLog& log, Progress& progress) {
  SimulationRecord record;
  const auto take = [&](const std::vector<FrameReport>& some) {
    show_reports(some, options, progress);
    record.reports.insert(record.reports.end(), some.begin(), some.end());
  };
  log.during(Phase::simulation, [&] { begin(solver, states, options); });
  if (options.restart) {
    states->forget();
  }
  record.first_frame = options.first_frame;
  for (std::size_t frame = 0; frame < options.own_frames(); ++frame) {
    record.masses.push_back(
        log.during(Phase::simulation, [&] { return advance_to_next_frame(solver, options); }));
    auto step = log.during(Phase::waiting, [&] {
      return streams[frame % streams.size()].begin({.deadline = longest_wait}).value();
    });
    log.during(Phase::publishing, [&] {
      const Publish how = how_to_publish(options.publish, frame);
      write_field(step, solver, options, Species::u, how);
      write_field(step, solver, options, Species::v, how);
      step.end().value();
    });
    take(reports.take_arrived());
    if (states != nullptr) {
      log.during(Phase::waiting, [&] {
        const bool is_due =
            options.checkpoint_every > 0 && solver.steps_done() % options.checkpoint_every == 0;
        if (states->are_wanted() || is_due) {
          states->save(solver);
        }
      });
    }
  }
  log.during(Phase::waiting, [&] {
    for (locum::StepWriter& stream : streams) {
      stream.close({.deadline = longest_wait}).value();
    }
  });
  take(reports.take_all(options.own_frames()));
  if (states != nullptr) {
    states->finish();
  }
  progress.finish();
  return record;
}

void analyse_frames(locum::Runtime& runtime, int index, const Decomposition& decomposition,
                    const DemoOptions& options, FrameReports& reports, EventLog& log) {
  const jobs::ColorMap colors;
  const AnalysisRange range;
  const auto rank = static_cast<std::size_t>(index);
  if (rank >= options.streams()) {
    return;
  }
  locum::StepReader stream(runtime, stream_of(rank), MPI_COMM_SELF, {.ahead = options.overlap ? 1U : 0U});
  for (;;) {
    auto step = log.during(Phase::waiting, [&] { return stream.next(longest_wait); });
    if (!step && step.error().code() == locum::Errc::end_of_stream) {
      break;
    }
    const std::size_t frame = options.first_frame + step.value().number() * options.streams() + rank;
    auto views = log.during(Phase::fetching, [&] { return read_blocks(*step, decomposition); });
    log.during(Phase::analysis, [&] {
      std::vector<BlockFields> blocks;
      for (const BlockViews& view : views) {
        blocks.push_back({view.block, view.u, view.v});
      }
      const Findings findings = analyse(blocks, options.grid, range);
      const auto mid_plane = assemble_mid_plane(blocks, options.grid);
      // The fields are not needed any more: room for the simulation first, the picture then.
      views.clear();
      step->release();
      reports.send({.frame = frame,
                    .mass_u = findings.mass_u,
                    .mass_v = findings.mass_v,
                    .min_v = findings.min_v,
                    .mean_v = findings.mean_v,
                    .max_v = findings.max_v,
                    .isosurface_cells = findings.isosurface_cells});
      char name[32];
      std::snprintf(name, sizeof name, "v_%04zu.png", frame);
      draw_frame(mid_plane, options.grid, (frame + 1) * options.every, findings, range, colors)
          .write_png(options.output / name);
    });
  }
}

}  // namespace gray_scott
