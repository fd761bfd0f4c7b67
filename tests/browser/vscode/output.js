// Runs cells in a real kernel and shows their output with VS Code's own widget manager.
import { KernelAPI, KernelConnection, ServerConnection } from "@jupyterlab/services";
import { activate } from "@vscode/jupyter-ipywidgets8";

async function connect() {
  const asked = new URLSearchParams(location.search);
  const baseUrl = asked.get("base");
  const serverSettings = ServerConnection.makeSettings({
    baseUrl,
    wsUrl: baseUrl.replace("http", "ws"),
    token: asked.get("token"),
    appendToken: true,
  });
  // A KernelManager would ask for all kernels while this one starts, which the server may answer with an error.
  const model = await KernelAPI.startNew({ name: "python3" }, serverSettings);
  const kernel = new KernelConnection({ model, serverSettings });
  await kernel.info;
  activate();
  window.vscIPyWidgets8.load();
  const loader = {
    widgetsRegisteredInRequireJs: new Set(),
    errorHandler: (name) => console.error(`The widget ${name} cannot be loaded`),
    successHandler: () => {},
    loadWidgetScript: async (name) => console.error(`The widget ${name} is asked for outside the bundle`),
  };
  const place = document.getElementById("outputs");
  const manager = new window.vscIPyWidgets.WidgetManager(kernel, place, loader, () => {});

  async function show(data) {
    const output = document.createElement("div");
    output.className = "output";
    place.appendChild(output);
    const view = data["application/vnd.jupyter.widget-view+json"];
    if (view) {
      const model = await manager.get_model(view.model_id);
      await manager.display_view(undefined, await manager.create_view(model), { node: output });
    } else if (data["text/html"]) {
      output.innerHTML = [data["text/html"]].flat().join("");
    }
  }

  window.runCell = async (code) => {
    const shown = [];
    const run = kernel.requestExecute({ code, store_history: true });
    run.onIOPub = (message) => {
      const { msg_type: kind } = message.header;
      if (kind === "error") console.error(message.content.traceback.join("\n"));
      if (kind === "display_data" || kind === "execute_result") shown.push(show(message.content.data));
    };
    await run.done;
    await Promise.all(shown);
  };
  window.stopKernel = () => kernel.shutdown();
  document.body.dataset.ready = "yes";
}

connect().catch((error) => console.error(error.stack || String(error)));
