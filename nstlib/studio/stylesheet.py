"""The panel's style sheet; its colours are JupyterLab's, so that it is light where the notebook is, and dark."""

CSS = """
.nst-studio { --nst-line: var(--jp-border-color2, #ddd); --nst-soft: var(--jp-layout-color2, #f3f3f3);
  --nst-text: var(--jp-ui-font-color1, #222); --nst-faint: var(--jp-ui-font-color2, #777);
  --nst-steer: #0f8a6a; --nst-anew: #c06a00; color: var(--nst-text); padding: 4px 2px 8px; overflow: visible;
  font-family: var(--jp-ui-font-family, sans-serif); max-width: 1760px; }
.nst-studio .widget-html-content { line-height: 1.4; }
.nst-studio, .nst-studio .widget-box, .nst-studio .jupyter-widgets { box-sizing: border-box; }
.nst-body { display: flex; flex-flow: row wrap; gap: 20px; align-items: flex-start; overflow: visible; }
.nst-side { flex: 1 1 320px; min-width: 300px; max-width: 360px; overflow: visible; }
.nst-main { flex: 1000 1 460px; min-width: 320px; overflow: visible; }
.nst-stage { display: flex; flex-flow: row wrap; gap: 20px; align-items: flex-start; overflow: visible; }
.nst-frame { flex: 3 1 400px; min-width: 280px; overflow: visible; }
.nst-charts { flex: 2 1 340px; min-width: 280px; max-width: 900px; display: flex; flex-flow: row wrap; gap: 8px 16px;
  overflow: visible; }
.nst-studio .nst-charts > * { flex: 1 1 290px; min-width: 260px; max-width: 560px; margin: 0; }
.nst-studio .nst-picture { width: 100%; height: auto; display: block; margin: 0; border-radius: 6px;
  background: var(--nst-soft); object-fit: contain; }
.nst-studio .nst-wipe { align-items: center; width: 100%; color: var(--nst-faint); overflow: visible; }
.nst-studio .nst-wipe .widget-slider { flex: 1 1 auto; width: auto; margin: 2px 12px; }
.nst-studio .nst-wipe .widget-label { color: var(--nst-faint); width: auto; margin: 0; }
.nst-studio .nst-progress { width: 100%; height: 5px; margin: 2px 0 5px; }
.nst-studio .nst-progress .progress { height: 5px; border-radius: 3px; }
.nst-studio .nst-status { margin: 0; color: var(--nst-faint); font-variant-numeric: tabular-nums; min-height: 22px; }
.nst-studio .nst-status b { color: var(--nst-text); }
.nst-transport { display: flex; flex-flow: row wrap; align-items: center; gap: 6px; margin-bottom: 8px;
  overflow: visible; }
.nst-studio .nst-transport button { width: auto; min-width: 74px; margin: 0; border-radius: 4px; }
.nst-studio .nst-back { align-items: center; gap: 4px; margin-left: 10px; overflow: visible; }
.nst-studio .nst-back .widget-label { color: var(--nst-faint); margin: 0; width: auto; }
.nst-studio .nst-back button { min-width: 34px; padding: 0 7px; height: 24px; line-height: 24px; }
.nst-studio .nst-message { margin: 0 0 6px; }
.nst-says { padding: 5px 10px; border-radius: 4px; border-left: 4px solid var(--nst-steer);
  background: var(--nst-soft); overflow-wrap: anywhere; }
.nst-says.nst-bad { border-left-color: #d33; }
.nst-says.nst-anew { border-left-color: var(--nst-anew); }
.nst-studio .nst-head { margin: 10px 0 3px; }
.nst-head h4 { margin: 0; font-size: 12px; font-weight: 600; text-transform: uppercase; letter-spacing: .05em;
  color: var(--nst-text); display: flex; justify-content: space-between; align-items: baseline; gap: 8px; }
.nst-head small { font-weight: 400; text-transform: none; letter-spacing: 0; color: var(--nst-faint); }
.nst-studio .nst-steers { border-left: 3px solid var(--nst-steer); padding-left: 9px; overflow: visible; }
.nst-studio .nst-anews { border-left: 3px solid var(--nst-anew); padding-left: 9px; overflow: visible; }
.nst-studio .nst-row { width: 100%; align-items: center; min-height: 30px; overflow: visible; }
.nst-studio .nst-row > .widget-label { flex: 0 0 92px; width: 92px; margin: 0 4px 0 0; line-height: 28px;
  overflow: hidden; text-overflow: ellipsis; }
.nst-studio .nst-row > .widget-label ~ * { flex: 1 1 auto; width: auto; min-width: 0; margin: 2px 0; }
.nst-studio .nst-row > .nst-number { flex: 0 0 66px; width: 66px; margin-left: 4px; }
.nst-studio .nst-row .widget-slider .slider-container { margin: 0 8px; }
.nst-studio .nst-row .widget-readout { min-width: 44px; }
.nst-studio .nst-pending > .widget-label { color: var(--nst-anew); font-weight: 600; }
.nst-studio .nst-tiles { display: flex; flex-flow: row wrap; gap: 8px; overflow: visible; }
.nst-studio .nst-tile { width: 92px; flex: 0 0 92px; overflow: hidden; }
.nst-studio .nst-tile .nst-thumb { width: 92px; max-width: 92px; height: 62px; object-fit: cover;
  border-radius: 4px 4px 0 0; margin: 0; display: block; }
.nst-studio .nst-tile button { width: 100%; height: 24px; line-height: 24px; margin: 0; padding: 0 4px; font-size: 11px;
  border-radius: 0 0 4px 4px; }
.nst-studio .nst-tile button.mod-active { background: var(--jp-brand-color1, #1976d2); color: #fff; }
.nst-studio .nst-door { width: 100%; gap: 6px; margin-top: 4px; overflow: visible; }
.nst-studio .nst-door .widget-text { flex: 1 1 auto; width: auto; margin: 0; min-width: 0; }
.nst-studio .nst-door .widget-upload { flex: 0 0 auto; width: 106px; margin: 0; padding: 0 6px; }
.nst-studio .jupyter-widget-Collapse-header { padding: 4px 8px; }
.nst-studio .jupyter-widget-Collapse { margin-top: 6px; width: 100%; }
.nst-studio .jupyter-widget-Collapse-contents { padding: 6px 8px; overflow: visible; }
.nst-studio .widget-tagsinput, .nst-studio .jupyter-widget-tagsinput { height: auto; min-height: 28px; }
.nst-chart { width: 100%; height: auto; display: block; font: 10.5px var(--jp-ui-font-family, sans-serif); }
.nst-chart polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.nst-chart .nst-title { fill: var(--nst-text); font-weight: 600; font-size: 11.5px; }
.nst-chart .nst-tick { fill: var(--nst-faint); }
.nst-chart .nst-grid { stroke: var(--nst-line); }
.nst-chart .nst-mark { stroke: var(--nst-steer); stroke-dasharray: 2 3; opacity: .7; }
.nst-studio .nst-strip { display: flex; flex-flow: row wrap; gap: 12px; overflow: visible; margin-top: 4px; }
.nst-studio .nst-card { width: 172px; flex: 0 0 172px; padding: 6px; border: 1px solid var(--nst-line);
  border-radius: 6px; overflow: visible; }
.nst-studio .nst-card img { width: 100%; height: 96px; object-fit: cover; border-radius: 4px; margin: 0; }
.nst-studio .nst-card .widget-html { margin: 3px 0; }
.nst-studio .nst-card .nst-keys { display: flex; flex-flow: row wrap; gap: 4px; overflow: visible; }
.nst-studio .nst-card button { width: 76px; height: 24px; line-height: 24px; margin: 0; padding: 0; font-size: 11px;
  border-radius: 4px; }
.nst-note { font-size: 11px; color: var(--nst-faint); line-height: 1.35; overflow-wrap: anywhere; }
.nst-note b { color: var(--nst-text); }
.nst-studio .nst-pair { display: flex; flex-flow: row wrap; gap: 16px; margin-top: 8px; overflow: visible; }
.nst-studio .nst-pair > .widget-vbox { flex: 1 1 320px; min-width: 240px; max-width: 560px; overflow: visible; }
.nst-studio .nst-pair img { width: 100%; height: auto; margin: 0; border-radius: 6px; }
.nst-studio table.nst-table { border-collapse: collapse; font-size: 12px; color: var(--nst-text); }
.nst-studio table.nst-table td, .nst-studio table.nst-table th { border-bottom: 1px solid var(--nst-line);
  padding: 2px 14px 2px 0; text-align: left; }
.nst-code pre { background: var(--nst-soft); color: var(--nst-text); padding: 10px; border-radius: 6px; margin: 6px 0 0;
  font: 12px/1.45 var(--jp-code-font-family, monospace); overflow-x: auto; user-select: all; }
.nst-code button { padding: 3px 12px; border: 1px solid var(--nst-line); border-radius: 4px; cursor: pointer;
  background: var(--nst-soft); color: var(--nst-text); }
.nst-studio .nst-grid-box img { width: 100%; height: auto; margin: 0; border-radius: 4px; background: var(--nst-soft); }
.nst-studio .nst-grid-box { gap: 6px; overflow: visible; align-items: center; }
.nst-grid-label { font-size: 12px; text-align: center; color: var(--nst-text); overflow-wrap: anywhere; }
"""
STYLE = f"<style>{CSS}</style>"
