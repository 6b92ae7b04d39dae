"""The panel's style sheet; its colours are JupyterLab's, so that it is light where the notebook is, and dark."""

from .viewer import PAGE

STYLE = f"<style>{(PAGE / 'studio.css').read_text(encoding='utf-8')}</style>"
